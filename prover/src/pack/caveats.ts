// SPDX-License-Identifier: GPL-3.0-or-later
/** What a statement that verifies leaves open: the proof's caveats, as far as pack and reader do not fill them in. */
import type { Caveat } from "../document/kit.ts";
import { type KeyOrigin, keyCaveat } from "../keys/origin.ts";
import type { Assurance } from "./format.ts";
import type { ProvenStatement } from "./verdict.ts";

/** What the key of merges leaves open, where it is of another origin than the key of the proof that rests on their sum. */
export function mergeCaveats(origin: KeyOrigin): Caveat[] {
  const caveat = keyCaveat(origin);
  return caveat === undefined ? [] : [{ code: caveat.code, text: `Of the sum: ${caveat.text}` }];
}

/** A chain reference names an account by its number: not its owner, nor its board. */
const ACCOUNT_AS_GIVEN = {
  code: "ACCOUNT_AS_GIVEN",
  text: "A chain reference gives the number of an account. Look up whose account it is, and of which board.",
};

/** Reporters and oracles know rows by their places, and the reader has not said what is there. */
const LISTING_AS_GIVEN = {
  code: "LISTING_AS_GIVEN",
  text: "The firm alone says what the valued rows are called and what their lots are; your trust settings name no listing.",
};

/** What a proof leaves open, less what the pack and the reader fill in. */
export function statementCaveats(
  given: readonly Caveat[],
  {
    policyNamed,
    values,
    listingNamed,
    account,
    parts,
  }: {
    readonly policyNamed: boolean;
    readonly values: Assurance;
    readonly listingNamed: boolean;
    readonly account: Assurance;
    readonly parts: number;
  },
): ProvenStatement["notProven"] {
  const sum = {
    code: "PARTS_VOUCHED",
    text: `The account is the sum of ${parts} accounts. The attesters, and no proof, say that no holding is in two of them.`,
  };
  return given.flatMap((caveat) => {
    if (caveat.code === "COMPLETENESS") {
      return [caveat, ...(parts > 1 ? [sum] : []), ...(account === "on-chain" ? [ACCOUNT_AS_GIVEN] : [])];
    }
    if (caveat.code !== "MARKET_VALUES") return [caveat];
    return [
      ...(policyNamed
        ? []
        : [{ code: "POLICY_AS_GIVEN", text: "The firm chose the policy; your trust settings name none." }]),
      values === "claimed"
        ? {
            code: "VALUES_CLAIMED",
            text: "Prices and risk values are the firm's own claim; nobody whom you trust signed them.",
          }
        : {
            code: "VALUES_VOUCHED",
            text: "The signers, and no proof, say that prices and risk values are right.",
          },
      ...(values === "claimed" || listingNamed ? [] : [LISTING_AS_GIVEN]),
    ];
  });
}
