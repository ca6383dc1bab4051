// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Rounds: each member agrees to its own state after, and the operator, who knows the states, proves all of them at once.
 *
 * What is NOT here: who trades with whom. Fills add up to zero in every row before a round is made of them (`imbalances`).
 */
import type { FieldElement } from "../field.ts";
import type { Prover } from "../prove/prover.ts";
import { shapeOf } from "../statement/families.ts";
import { roundCircuit } from "../statement/round.ts";
import type { LevelBps } from "../units.ts";
import type { Published, RoundPart } from "./client.ts";
import { entryOf, proofWords, type Round, type RoundCall, roundContext, type VenueDomains } from "./gate-calls.ts";

/**
 * Proves a round, ready for `Exchange.round`. Places that the circuit has beyond its members are nobody's.
 *
 * Throws `STATEMENT_FALSE` where somebody is below the level afterwards, and as `buildRoundStatement`. Checks no signature: the gate
 * does. All parts are of one level, deadline and last epoch.
 * @param options.byHash whether the venue keeps encrypted states elsewhere
 * @param options.agree the operator's agreement (`signRound`); "0x" where it sends the round itself
 * @see docs/library.md#on-chain
 */
export async function makeRound(
  venue: { readonly domains: VenueDomains; readonly prover: Pick<Prover, "round"> },
  parts: readonly RoundPart[],
  { policyId, epoch, policy, market }: Published,
  {
    byHash = false,
    agree = async () => "0x",
  }: { byHash?: boolean; agree?: (calls: readonly RoundCall[]) => Promise<string> } = {},
): Promise<Round> {
  const ordered = parts.toSorted((left, right) => (left.call.account < right.call.account ? -1 : 1));
  const calls = ordered.map(({ call }) => call);
  const { level, lastEpoch, deadline } = calls[0]!;
  const context: FieldElement = roundContext(venue.domains.gate, calls);
  const members = ordered.map(({ member }) => member);
  const { proof } = await venue.prover.round({ members, level: level as LevelBps, context, policy, market });
  return {
    ...{ policyId, epoch, lastEpoch, deadline },
    places: BigInt(shapeOf(roundCircuit(market.board.size, members.length)).members!),
    members: ordered.map(({ call, signature }) => entryOf(call, signature, byHash)),
    proof: proofWords(proof),
    operatorSignature: await agree(calls),
  };
}
