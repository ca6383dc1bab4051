// SPDX-License-Identifier: GPL-3.0-or-later
/** The page's own code: from a key, a name and entropy to the next key, on the page's own thread. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { curves } from "snarkjs";
import { contribution } from "../../ceremony/phase2.ts";
import { MIN_TYPED } from "../../ceremony/steps.ts";
import { contributorName, personOf, refusal } from "../../ceremony/transcript.ts";
import { PlimsollError } from "../../errors.ts";
import { readZkey } from "../../keys/zkey.ts";

const element = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;
const field = (id: string) => element<HTMLInputElement>(id);
const button = element<HTMLButtonElement>("contribute");
/** Where the pointer has been, and when: the newest of it. */
const MAX_MOVES = 4_096;

let key: Uint8Array | undefined;
const moves: string[] = [];
addEventListener("pointermove", ({ screenX, screenY, timeStamp }) => {
  moves.push(`${screenX},${screenY},${timeStamp}`);
  if (moves.length > MAX_MOVES) moves.shift();
});

/** Runs work of the page and shows what is wrong with what it was given. */
function attempt(work: () => Promise<void>): void {
  element("error").textContent = "";
  work().catch((error) => {
    element("progress").textContent = "";
    element("error").textContent =
      error instanceof PlimsollError ? error.message : "This page has failed; nothing has been contributed.";
  });
}

async function choose(file: File | undefined): Promise<void> {
  key = undefined;
  button.disabled = true;
  element("result").hidden = true;
  element("says").textContent = "";
  if (file === undefined) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  const names = readZkey(bytes).contributions.map(({ name }) => name);
  element("says").textContent =
    names.length === 0
      ? "Nobody has contributed yet."
      : `Contributions so far, by the key's own word: ${names.join("; ")}.`;
  key = bytes;
  button.disabled = false;
}

async function contribute(): Promise<void> {
  if (key === undefined) return;
  const name = contributorName(field("name").value);
  if (readZkey(key).contributions.some((earlier) => personOf(earlier.name) === personOf(name))) {
    throw refusal("DUPLICATE_CONTRIBUTOR", "this name has contributed already");
  }
  if (field("typed").value.length < MIN_TYPED) throw refusal("ENTROPY_SHORT", `type at least ${MIN_TYPED} characters`);
  button.disabled = true;
  element("progress").textContent = "Contributing; the page stands still meanwhile …";
  await new Promise((resolve) => setTimeout(resolve, 50)); // for the words to show
  // snarkjs takes this curve for its own: on the page's thread, since its policy lets it start no other.
  const global = globalThis as { curve_bn128?: unknown };
  global.curve_bn128 = await curves.getCurveFromName("bn128", { singleThread: true });
  const machine = bytesToHex(crypto.getRandomValues(new Uint8Array(64)));
  const next = await contribution(key, name, [machine, field("typed").value, ...moves].join("\n"));
  field("typed").value = "";
  moves.length = 0;
  const link = element<HTMLAnchorElement>("next");
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([Uint8Array.from(next)], { type: "application/octet-stream" }));
  link.download = "next.zkey";
  element("hash").textContent = readZkey(next).contributions.at(-1)!.hash;
  element("progress").textContent = "Done.";
  element("result").hidden = false;
}

field("key").addEventListener("change", () => attempt(() => choose(field("key").files?.[0])));
button.addEventListener("click", () => attempt(contribute));
