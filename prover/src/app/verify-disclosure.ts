// SPDX-License-Identifier: GPL-3.0-or-later
/** The auditor's verdict on a disclosure that was handed over. */
import {
  checkDisclosure,
  type DisclosureChecks,
  type DisclosureVerdict,
  readDisclosure,
} from "../document/disclosure.ts";
import type { Published } from "../document/kit.ts";
import type { NamedText } from "../formats/account.ts";
import { circuitOf } from "../statement/families.ts";
import type { DiscloseMachine } from "./disclose.ts";
import { type GivenFiles, readGiven } from "./verify-envelope.ts";

/**
 * What a reader of a disclosure has.
 * @see docs/library.md#disclosure
 */
export interface DisclosureInputs extends Omit<DisclosureChecks, keyof Published>, GivenFiles {
  readonly envelope: NamedText;
}

/**
 * Verifies a disclosure to the holder of a secret. Never throws for what is in the texts: all of them may be hostile. Throws
 * what `verifierFor` throws. Convinces the reader only as far as nobody else has the secret.
 *
 *   const given = { envelope: { text, file: "equity.json" }, policy, market, secret, expectedState };
 *   const verdict = await verifyDisclosure({ verifierFor: loadVerifier }, given);
 */
export async function verifyDisclosure(
  { verifierFor }: Pick<DiscloseMachine, "verifierFor">,
  { envelope: text, policy, market, ...checks }: DisclosureInputs,
): Promise<DisclosureVerdict> {
  const read = readGiven(text, readDisclosure, { policy, market });
  if (!read.ok) return read;
  const { document, files } = read;
  // The reader's size: one that the document names may be of keys that nobody here has.
  const { size } = files.market.market.board;
  return checkDisclosure(document, { ...checks, ...files }, await verifierFor(circuitOf("disclosure", size)));
}
