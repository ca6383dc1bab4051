// SPDX-License-Identifier: GPL-3.0-or-later
/** Disclosures: one figure of an account within a band, shown to one auditor; and what that auditor can make of them. */

import { PlimsollError } from "../errors.ts";
import { FIELD_ORDER, type FieldElement, toField } from "../field.ts";
import { type Account, genesis } from "../model/account.ts";
import { commitAuditorSecret, commitState, stateBlinding } from "../model/commit.ts";
import { figureOf, largestFigure, type Weights } from "../model/figure.ts";
import { tierValue } from "../model/policy.ts";
import type { BoardSize } from "../model/sizes.ts";
import { scheduleSignals, weightSignals } from "./signals.ts";
import type { WitnessInput } from "./witness-input.ts";
import { selectedPiece } from "./worth.ts";

/** Both ends are inside; exact where they are equal. In the unit of the figure. */
export interface Band {
  readonly low: bigint;
  readonly high: bigint;
}

/** What a disclosure says in public; `band` empty says something false of every account. */
export interface DisclosureClaim {
  readonly state: FieldElement;
  readonly band: Band;
  /** The auditor's public key. */
  readonly auditor: FieldElement;
  /** What the proof is bound to, as a field element. */
  readonly context: bigint;
  readonly weights: Weights;
}

/** A claim about an account by its owner. */
export interface DisclosureRequest extends Omit<DisclosureClaim, "state"> {
  readonly account: Account;
}

/** Any claim, true or not, by the auditor himself. */
export interface SimulationRequest extends Omit<DisclosureClaim, "auditor"> {
  readonly size: BoardSize;
  readonly secret: FieldElement;
}

/** A request worked out. */
export interface DisclosureStatement extends WitnessInput {
  /** Whether a proof exists. */
  readonly holds: boolean;
  readonly publicSignals: readonly FieldElement[];
}

/** A claim of an empty band is true of nothing: only whoever knows the auditor's secret can prove it. */
export const EMPTY_BAND: Band = { low: 1n, high: 0n };

/** Throws `OUT_OF_RANGE` for an empty band, or one that reaches beyond every figure. */
export function checkBand({ low, high }: Band, size: BoardSize): Band {
  const limit = largestFigure(size);
  if (low > high)
    throw new PlimsollError("OUT_OF_RANGE", "expected a low end at or below the high end", { field: "low" });
  if (low < -limit || high > limit) {
    throw new PlimsollError("OUT_OF_RANGE", "the band reaches beyond every figure that an account can have", {
      field: low < -limit ? "low" : "high",
    });
  }
  return { low, high };
}

/** Public signals of a claim, in the circuit's order. Throws `OUT_OF_RANGE` for a context that is not reduced. */
export function disclosureSignals({ state, band, auditor, context, weights }: DisclosureClaim): FieldElement[] {
  if (context < 0n || context >= FIELD_ORDER) {
    throw new PlimsollError("OUT_OF_RANGE", "expected a context below the field order", { field: "context" });
  }
  return [state, toField(band.low), toField(band.high), auditor, context as FieldElement, ...weightSignals(weights)];
}

/** Works an owner's request out. Throws as `figureOf` and `checkBand`; a figure outside the band does not throw. */
export function buildDisclosureStatement({ account, ...request }: DisclosureRequest): DisclosureStatement {
  const { low, high } = checkBand(request.band, account.size);
  const figure = figureOf(account, request.weights);
  const claim = { ...request, state: commitState(account) };
  return stated(claim, low <= figure && figure <= high, {
    account,
    simulated: 0n as FieldElement,
    secret: 0n as FieldElement,
  });
}

/** Works a simulation out: it holds whatever it says. */
export function buildSimulation({ size, secret, ...request }: SimulationRequest): DisclosureStatement {
  const claim = { ...request, auditor: commitAuditorSecret(secret) };
  return stated(claim, true, { account: genesis(size), simulated: 1n as FieldElement, secret });
}

interface Private {
  readonly account: Account;
  readonly simulated: FieldElement;
  readonly secret: FieldElement;
}

function stated(claim: DisclosureClaim, holds: boolean, { account, simulated, secret }: Private): DisclosureStatement {
  const publicSignals = disclosureSignals(claim);
  const [state, low, high, auditor, context] = publicSignals;
  const { weights } = claim;
  return {
    holds,
    publicSignals,
    circuitInput: {
      state: state!,
      low: low!,
      high: high!,
      auditor: auditor!,
      context: context!,
      policy: weights.schedules.flatMap(scheduleSignals),
      prices: weights.prices.map(toField),
      cashWeight: toField(weights.cash),
      marks: weights.marks.map(toField),
      positions: account.positions.map(toField),
      collateral: account.collateral.map(toField),
      cash: toField(account.cash),
      blinding: stateBlinding(account),
      simulated,
      secret,
    },
    hints: {
      "haircut.selected": weights.schedules.map((schedule, asset) =>
        selectedPiece(tierValue(schedule, account.collateral[asset]!).tier),
      ),
    },
  };
}

/** A secret of an auditor: 1 to r − 1. Throws `OUT_OF_RANGE`. */
export function auditorSecret(value: bigint, field = "secret"): FieldElement {
  if (value >= 1n && value < FIELD_ORDER) return value as FieldElement;
  throw new PlimsollError("OUT_OF_RANGE", "expected a secret between 1 and r - 1", { field });
}

/** A new secret from the system's generator, uniform up to a bias below 2^-128. */
export function randomAuditorSecret(): FieldElement {
  const bytes = crypto.getRandomValues(new Uint8Array(48));
  const random = bytes.reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n);
  return auditorSecret(1n + (random % (FIELD_ORDER - 1n)));
}
