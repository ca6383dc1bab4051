// SPDX-License-Identifier: GPL-3.0-or-later
/** Random lots, admissible and not, from everyday to the ends of every range. */
import { PlimsollError } from "../../prover/src/errors.ts";
import type { Account } from "../../prover/src/model/account.ts";
import { coverageBpsDown, E6_TO_E20, evaluate, MARGIN_LEVEL_TO_E20 } from "../../prover/src/model/evaluate.ts";
import {
  appraiseLot,
  type Credit,
  type LotStep,
  type LotTerms,
  NO_CREDIT,
  offered,
  sizeDown,
  WHOLE,
  withCredit,
} from "../../prover/src/model/lot.ts";
import type { Market } from "../../prover/src/model/market.ts";
import type { Policy } from "../../prover/src/model/policy.ts";
import type { BoardSize } from "../../prover/src/model/sizes.ts";
import { type CashE6, cashE6, type LevelBps, type RateBps } from "../../prover/src/units.ts";
import { biased, FLAVOURS, type Rng, randomAccount, randomMarket, randomPolicy } from "./random.ts";

export interface LotCase {
  readonly step: LotStep;
  readonly terms: LotTerms;
  readonly policy: Policy;
  readonly market: Market;
}

/** What a smaller circuit takes of what is drawn. */
export interface Shrunk {
  readonly policy: (policy: Policy) => Policy;
  readonly market: (market: Market) => Market;
  readonly account: (account: Account) => Account;
}

const LEVEL_TOP = (1n << 20n) - 1n;
const SIZE_TOP = (1n << 64n) - 1n;
const within = (value: bigint, low: bigint, high: bigint) => (value < low ? low : value > high ? high : value);

/**
 * A part of a random account with the cash that the discount asks for, and terms near those that it keeps. It may break any
 * rule but `discount`.
 */
export function randomLot(rng: Rng, size: BoardSize, shrunk?: Shrunk): LotCase {
  for (;;) {
    try {
      return drawn(rng, size, shrunk);
    } catch (error) {
      // Cash or a scanned quantity that leaves its range: draw again.
      if (!(error instanceof PlimsollError && error.code === "OUT_OF_RANGE")) throw error;
    }
  }
}

/** The cash with which an account has about this coverage, in basis points. */
export function cashFor(coverage: bigint, account: Account, policy: Policy, market: Market): CashE6 {
  const { equity, margin, debtMargin } = evaluate(account, policy, market);
  const cash = account.cash + (MARGIN_LEVEL_TO_E20 * coverage * (margin - debtMargin) - equity) / E6_TO_E20;
  return within(cash, cashE6.low, cashE6.high) as CashE6;
}

/** One that keeps every rule. */
export function admissibleLot(rng: Rng, size: BoardSize, shrunk?: Shrunk): LotCase {
  for (;;) {
    const found = randomLot(rng, size, shrunk);
    if (appraiseLot(found.step, found.terms, found.policy, found.market).broken.length === 0) return found;
  }
}

const AS_DRAWN: Shrunk = { policy: (policy) => policy, market: (market) => market, account: (account) => account };

function drawn(rng: Rng, size: BoardSize, shrunk = AS_DRAWN): LotCase {
  const flavour = rng.chance(0.7) ? "typical" : rng.pick(FLAVOURS);
  const policy = shrunk.policy(randomPolicy(rng, flavour));
  const market = shrunk.market(randomMarket(rng, size, flavour));
  const before = { ...shrunk.account(randomAccount(rng, size, flavour)) };
  if (rng.chance(0.8)) before.cash = cashFor(rng.between(-1_000n, 12_000n), before, policy, market);
  const credit: Credit = rng.chance(0.5)
    ? NO_CREDIT
    : {
        cash: biased(rng, 0n, 10n ** 13n),
        collateral: NO_CREDIT.collateral.map((_, asset) =>
          rng.chance(0.7) ? 0n : biased(rng, 0n, within(10n ** 12n, 0n, SIZE_TOP - before.collateral[asset]!)),
        ),
      };
  const held = withCredit(before, credit);
  const kind = rng.pick(["slice", "slice", "close-out"] as const);
  const part = kind === "close-out" ? WHOLE : 2n * biased(rng, 0n, rng.pick([WHOLE / 4n, WHOLE / 2n - 1n])) + 1n;
  const discountBps = biased(rng, 0n, rng.pick([1000n, 10_000n])) as RateBps;
  const asked = { before, credit, part };
  const step: LotStep = { ...asked, cash: offered(asked, discountBps, policy, market) };
  const near = (value: bigint | undefined) =>
    within(
      (value ?? rng.pick([0n, LEVEL_TOP])) + rng.pick([-1n, 0n, 1n, 1n, 50n, 500n, 5_000n, 10_000n, 10_000n]),
      0n,
      LEVEL_TOP,
    ) as LevelBps;
  const evidence = near(coverageBpsDown(evaluate(held, policy, market)));
  const open = { evidence, discountBps, size: 0n, tolerance: 0n };
  const target = 0n as LevelBps;
  const appraisal = appraiseLot(step, kind === "slice" ? { kind, target, ...open } : { kind, ...open }, policy, market);
  const worth = sizeDown(appraisal);
  const tolerance = rng.pick([1n, 10n ** 6n, SIZE_TOP]);
  const terms = {
    evidence,
    discountBps,
    size: within(worth - rng.pick([0n, 0n, -1n, tolerance - 1n, tolerance]), 0n, SIZE_TOP),
    tolerance,
  };
  return {
    step,
    terms:
      kind === "slice" ? { kind, target: near(coverageBpsDown(appraisal.afterValue)), ...terms } : { kind, ...terms },
    policy,
    market,
  };
}
