// SPDX-License-Identifier: GPL-3.0-or-later
/** A firm with accounts at three custodians, and packs about their sum under simulated keys. */

import { type Portfolio, provePortfolio } from "../../prover/src/app/portfolio.ts";
import { proveEnvelope } from "../../prover/src/app/prove-envelope.ts";
import type { Envelope } from "../../prover/src/document/proof.ts";
import type { FieldElement } from "../../prover/src/field.ts";
import { listingSha256 } from "../../prover/src/formats/market.ts";
import { type Account, genesis } from "../../prover/src/model/account.ts";
import { commitState } from "../../prover/src/model/commit.ts";
import { NO_TRANSFER, noFill } from "../../prover/src/model/transition.ts";
import { createProver, type Prover, type ProverOptions } from "../../prover/src/node/prover.ts";
import type { AttestationBody } from "../../prover/src/pack/evidence.ts";
import type { Trust } from "../../prover/src/pack/trust.ts";
import { cashE6, levelBps, positionLots } from "../../prover/src/units.ts";
import {
  AUDIENCE,
  attestation,
  CUSTODIAN,
  KEY,
  keySource,
  market,
  named,
  type PackChange,
  policy,
  SIZE,
  signer,
  TRUST,
} from "./packs.ts";
import { simulatedArtifacts, simulatedBackend, simulatedKey } from "./simulated.ts";

export const MERGE_KEY = simulatedKey("merge-60", 6n);
const SECOND = signer(0xc2);
const THIRD = signer(0xc3);
const CUSTODIANS = [CUSTODIAN, SECOND, THIRD];
export const PORTFOLIO_TRUST: Trust = {
  ...TRUST,
  keys: [KEY.identity, MERGE_KEY.identity],
  attesters: CUSTODIANS.map(({ address }, index) => ({ name: `Custodian ${index + 1}`, signer: address })),
};

const load = (size: string) => (size === SIZE ? simulatedArtifacts(KEY) : simulatedArtifacts(MERGE_KEY));
export const prover: Prover = createProver({
  load: load as NonNullable<ProverOptions["load"]>,
  backend: simulatedBackend([KEY, MERGE_KEY]),
});

export const part = (cash: bigint, lots: bigint, viewingKey: bigint): Account => ({
  ...genesis(SIZE),
  cash: cashE6(cash),
  positions: genesis(SIZE).positions.with(0, positionLots(lots)),
  viewingKey: viewingKey as FieldElement,
  sequence: 2n,
});
/** The second owes more than it has: only together are they solvent. */
export const PARTS = [part(250_000_000n, 2n, 5n), part(-90_000_000n, 0n, 6n), part(40_000_000n, 1n, 7n)];
export const stateOf = (account: Account) => commitState(account).toString();

/** A proof that an account is solvent, with no transfer and no fill unless said. */
export const provenOf = (
  before: Account,
  transition = { transfer: NO_TRANSFER, fill: noFill(SIZE), side: 1n as const },
) =>
  proveEnvelope(prover, {
    before,
    transition,
    level: levelBps(0n),
    direction: "at-least",
    audience: AUDIENCE,
    policy,
    market,
  });

export const LISTING = listingSha256(policy, market);

/** The custodian of a part vouches for it. */
export const vouchedFor = (index: number, change: Partial<AttestationBody> = {}, by = CUSTODIANS[index]!) =>
  attestation({ commitment: stateOf(PARTS[index]!), subject: `account ${index + 1}`, listing: LISTING, ...change }, by);

/** What makes a pack of the sum of all parts, each attested by its custodian. */
export async function portfolioSource({ merges }: Portfolio, envelope: Envelope): Promise<PackChange> {
  return {
    proofs: [named("proof.json", envelope)],
    merges: merges.map((merge, index) => named(`merge-${index + 1}.json`, merge)),
    attestations: await Promise.all(
      PARTS.map(async (_, index) => named(`custodian-${index + 1}.json`, await vouchedFor(index))),
    ),
    keyFor: async (size) =>
      size === SIZE ? keySource : { ...keySource, identity: MERGE_KEY.identity, file: MERGE_KEY.file },
  };
}

/** The sum of all parts, and a proof that it is solvent. */
export async function provenPortfolio(): Promise<{ portfolio: Portfolio; envelope: Envelope }> {
  const portfolio = await provePortfolio(prover, PARTS, AUDIENCE);
  return { portfolio, envelope: await provenOf(portfolio.account) };
}
