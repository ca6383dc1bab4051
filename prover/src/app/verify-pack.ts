// SPDX-License-Identifier: GPL-3.0-or-later
/** The reader's side of evidence packs: the verdict, and the report on it that can be signed and printed. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { throwIfCancelled } from "../errors.ts";
import { renderPackReport } from "../pack/report.ts";
import type { Trust } from "../pack/trust.ts";
import { createPackVerifier, type PackVerdict } from "../pack/verify.ts";
import type { PackFiles } from "../pack/zip.ts";

export interface ReaderMachine {
  readonly now: () => Date;
  readonly signal?: AbortSignal;
}

export interface ReaderRequest {
  /** A zip, or the files of one. */
  readonly pack: Uint8Array | PackFiles;
  readonly trust: Trust;
  /** The day as of which the reader judges; else now. */
  readonly date?: Date | undefined;
}

/** The verdict on a pack. Throws `FIELD_INVALID` for a date that is none; never for what is in the pack. */
export async function verifyPack(machine: ReaderMachine, request: ReaderRequest): Promise<PackVerdict> {
  return (await judge(machine, request)).verdict;
}

/** The verdict with its report, an HTML document. `source` is the name of the file or folder that was verified. */
export async function reportPack(
  machine: ReaderMachine & { readonly software: string },
  request: ReaderRequest & { readonly source: string },
): Promise<{ verdict: PackVerdict; html: string }> {
  const { verdict, date: now } = await judge(machine, request);
  const { pack, trust, source } = request;
  const zip = pack instanceof Uint8Array ? { sourceSha256: bytesToHex(sha256(pack)) } : {};
  const { software } = machine;
  return { verdict, html: renderPackReport(verdict, { trust, now, source, software, ...zip }) };
}

async function judge({ now, signal }: ReaderMachine, { pack, trust, date = now() }: ReaderRequest) {
  throwIfCancelled(signal);
  const verdict = await createPackVerifier(trust).verify(pack, date);
  throwIfCancelled(signal);
  return { verdict, date };
}
