// SPDX-License-Identifier: GPL-3.0-or-later
/** To vouch for a firm's commitment, as a custodian or venue that has opened it. Nothing here can open it. */
import { PlimsollError } from "../errors.ts";
import { formatJson } from "../formats/json.ts";
import { listingSha256, type MarketFile } from "../formats/market.ts";
import type { PolicyFile } from "../formats/policy.ts";
import {
  type Attestation,
  type AttestationBody,
  attestationFormat,
  readAttestation,
  signAttestation,
} from "../pack/evidence.ts";
import type { Signing } from "../pack/typed-data.ts";

/**
 * What is attested, as people write it: every field is checked before anything is signed.
 * @see docs/library.md#evidence-packs
 */
export interface AttestRequest
  extends Readonly<Record<"commitment" | "size" | "firm" | "subject" | "scope" | "asOf" | "expires", string>> {
  /** The attester's name. */
  readonly name: string;
  readonly signing: Signing;
  /**
   * Policy and market under which the commitment was opened: they name what its quantities are of. Without them the
   * attestation is `plimsoll-attestation/1`, which backs no part of a sum.
   */
  readonly under?: { readonly policy: PolicyFile; readonly market: MarketFile } | undefined;
}

/** Reads what is to be signed as its readers will; what they refuse is named by the field of the request. */
function readUnsigned(unsigned: object) {
  const file = "attestation";
  try {
    return readAttestation({ text: formatJson(unsigned), file });
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    const field = error.place.field?.replace(/^(vouched|attester)\./, "");
    throw new PlimsollError(error.code, error.rule, field === undefined ? {} : { field });
  }
}

/**
 * Signs an attestation. Throws `FIELD_INVALID` or `OUT_OF_RANGE` for what the reader of attestations refuses, and
 * `FIELD_INVALID` for a size that is not the board's.
 * @see docs/library.md#evidence-packs
 */
export async function attest({ name, signing, under, ...words }: AttestRequest): Promise<Attestation> {
  const { commitment, size, firm, subject, scope, asOf, expires } = words;
  const listing = under === undefined ? {} : { listing: listingSha256(under.policy, under.market) };
  const vouched = { commitment, size, firm: firm.toLowerCase(), subject, scope, asOf, expires, ...listing };
  const unsigned = {
    format: attestationFormat(listing),
    attester: { name, signer: signing.address },
    vouched,
    signature: { kind: "eip712", value: "0x00" },
  };
  const read = readUnsigned(unsigned);
  const board = under?.market.market.board.size ?? size;
  if (size !== board) {
    throw new PlimsollError("FIELD_INVALID", `expected the size of the market's board, ${board}`, { field: "size" });
  }
  const body: AttestationBody = read.vouched;
  return signAttestation(name, signing, body);
}
