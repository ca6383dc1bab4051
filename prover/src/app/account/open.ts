// SPDX-License-Identifier: GPL-3.0-or-later
/** Opening an account: asked by its owner, agreed to by the operator, sent by the owner; and restoring one from chain and key. */
import { type Signer, VoidSigner } from "ethers";
import { z } from "zod";
import { accountRecord, type Opening, seal } from "../../chain/account-record.ts";
import { AccountClient, openingState } from "../../chain/client.ts";
import { eventsBack } from "../../chain/events.ts";
import { digestOf, type GateCall, type Step, signClear } from "../../chain/gate-calls.ts";
import { type GateView, gateAt } from "../../chain/gate-view.ts";
import { openState } from "../../chain/sealed-state.ts";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import type { NamedText } from "../../formats/account.ts";
import { parseJson } from "../../formats/json.ts";
import { genesis } from "../../model/account.ts";
import { commitState } from "../../model/commit.ts";
import { conform } from "../../risk/input.ts";
import { type AccountMachine, act, type Done, openSession, resume, type Session, save, venueOf } from "./session.ts";

const text = z.string();
const number = text.regex(/^[1-9][0-9]{0,77}$/, "expected a whole number above zero, as text");
const address = text.regex(/^0x[0-9a-fA-F]{40}$/, "expected an address: 0x and 40 hexadecimal digits");
const bytes = text.regex(/^0x([0-9a-f]{2})*$/, "expected bytes: 0x and hexadecimal digits");
const request = z.strictObject({
  format: z.literal("plimsoll-opening/1"),
  chainId: number,
  gate: address,
  owner: address,
  agent: address,
  stateAfter: number,
  blob: bytes,
  deadline: number,
});
const agreement = z.strictObject({ format: z.literal("plimsoll-opening-agreement/1"), digest: text, signature: text });

/**
 * What an owner asks the operator to agree to. The viewing key goes with it, by a way of its own.
 * @see docs/library.md#an-account-on-chain
 */
export type OpeningRequest = z.infer<typeof request>;
/**
 * The operator's agreement to an opening.
 * @see docs/library.md#an-account-on-chain
 */
export type OpeningAgreement = z.infer<typeof agreement>;

const read = <T>(schema: z.ZodType<T>, { text: content, file }: NamedText): T =>
  conform(schema, parseJson(content, file, { length: 100_000, values: 100 }).plain(), { file });
/**
 * Reads a request for the operator. Throws `FIELD_INVALID`.
 * @see docs/library.md#an-account-on-chain
 */
export const readOpeningRequest = (given: NamedText): OpeningRequest => read(request, given);
/**
 * Reads the operator's agreement. Throws `FIELD_INVALID`.
 * @see docs/library.md#an-account-on-chain
 */
export const readOpeningAgreement = (given: NamedText): OpeningAgreement => read(agreement, given);

/** A week: the operator is a person. */
const VALIDITY = 604_800n;
const NOBODY = `0x${"0".repeat(40)}`;
const REQUEST = "open";

/**
 * Who opens what, where.
 * @see docs/library.md#an-account-on-chain
 */
export interface OpeningOrder {
  readonly viewingKey: FieldElement;
  /** Address of the gate; the store's unless given. */
  readonly gate?: string | undefined;
  /** May sign trades. */
  readonly agent?: string | undefined;
  /** Of the operator. Without it the opening is proven, kept and not sent. */
  readonly agreement?: OpeningAgreement | undefined;
}

/**
 * Opens an account: without an agreement, what the operator is asked; with it, the account. An opening that waits is taken up again.
 * @see docs/library.md#an-account-on-chain
 */
export async function openAccount(
  machine: AccountMachine,
  { viewingKey, gate, agent = NOBODY, agreement: agreed }: OpeningOrder,
): Promise<{ readonly asked: OpeningRequest } | { readonly opened: Done }> {
  const session = await openSession(machine, viewingKey, { gate });
  const earlier = await resume(session, REQUEST);
  if ("done" in earlier) return { opened: earlier.done };
  if (session.record.account !== null) {
    throw new PlimsollError(
      "USAGE",
      `this file has account ${session.record.account} already; another account is another file`,
    );
  }
  const opening = await waiting(session, agent, agreed === undefined);
  const { call, step } = openingCall(session, opening);
  if (agreed === undefined) {
    const { chainId, gate: at, owner } = session.record;
    const { stateAfter, blob, deadline } = opening;
    const asked = { chainId, gate: at, owner, agent: opening.agent, stateAfter, blob, deadline };
    return { asked: { format: "plimsoll-opening/1", ...asked } };
  }
  if (agreed.digest !== digestOf(session.view.domains.gate, call)) {
    throw new PlimsollError("FIELD_INVALID", "the agreement is to another opening: ask the operator again", {
      field: "digest",
    });
  }
  const after = openingState(session.view.size, viewingKey);
  const order = {
    request: REQUEST,
    words: "open a margin account",
    shows: "your address, a commitment to an empty account, and that the account is yours",
  };
  const opened = await act(session, order, (signer, keep) => {
    keep(after);
    return AccountClient.sendOpening(venueOf(session), signer, { call, step }, agreed.signature);
  });
  return { opened };
}

/** The opening that is kept, or a new one where there is none, or where it lapses before the operator could answer. */
async function waiting(session: Session, agent: string, mayRenew: boolean): Promise<Opening> {
  const { machine, record, view, viewingKey } = session;
  const now = BigInt((await view.told(() => machine.provider.getBlock("latest")))!.timestamp);
  const { opening: kept } = record;
  if (
    kept !== null &&
    BigInt(kept.deadline) > now + (mayRenew ? VALIDITY / 2n : 0n) &&
    BigInt(kept.agent) === BigInt(agent)
  ) {
    return kept;
  }
  if (!mayRenew && kept !== null) {
    throw new PlimsollError(
      "USAGE",
      "the opening has lapsed, or names another agent: ask the operator anew, without an agreement",
    );
  }
  machine.onStep?.("proving the opening");
  const venue = venueOf(session, { validity: VALIDITY });
  const owner = new VoidSigner(record.owner, machine.provider);
  const terms = { size: view.size, viewingKey, agent };
  const { call, step } = await view.told(() => AccountClient.prepareOpening(venue, owner, terms));
  const opening: Opening = {
    stateAfter: `${call.stateAfter}`,
    blob: call.blob,
    deadline: `${call.deadline}`,
    agent,
    proof: step.proof.map(String),
  };
  await save(session, { opening });
  return opening;
}

/** The call and step of an opening that is kept. */
function openingCall({ record, view }: Session, { stateAfter, blob, deadline, agent, proof }: Opening) {
  const common = {
    account: 0n,
    stateBefore: commitState(genesis(view.size)),
    stateAfter: BigInt(stateAfter),
    blob,
    deadline: BigInt(deadline),
  };
  const call: GateCall = { action: "Open", ...common, owner: record.owner, agent };
  const step: Step = { ...common, policyId: 0n, epoch: 0n, proof: proof.map(BigInt), signature: "0x" };
  return { call, step };
}

/**
 * The operator agrees to an opening, once the viewing key that it was given is the account's. Throws `PROOF_REFUSED` where it is not, and
 * `FIELD_INVALID` for another gate's request, one that has lapsed, or a signer that is not the operator.
 * @see docs/library.md#an-account-on-chain
 */
export async function agreeToOpening(
  { signer, view }: { readonly signer: Signer; readonly view: GateView },
  { chainId, gate, owner, agent, stateAfter, blob, deadline }: OpeningRequest,
  viewingKey: FieldElement,
): Promise<OpeningAgreement> {
  const wrong = (field: string, rule: string) => new PlimsollError("FIELD_INVALID", rule, { field });
  if (BigInt(chainId) !== view.chainId || gate.toLowerCase() !== view.address.toLowerCase()) {
    throw wrong("gate", "the request is for another gate");
  }
  const operator = await view.told(() => view.exchange.getFunction("operator")() as Promise<string>);
  if (operator.toLowerCase() !== (await signer.getAddress()).toLowerCase()) {
    throw wrong("operator", `the gate's operator is ${operator}`);
  }
  const block = await view.told(() => signer.provider!.getBlock("latest"));
  if (BigInt(deadline) < BigInt(block!.timestamp)) throw wrong("deadline", "the request has lapsed");
  const state = BigInt(stateAfter);
  if (
    commitState(openingState(view.size, viewingKey)) !== state ||
    openState(blob, state, view.size, viewingKey) === undefined
  ) {
    throw new PlimsollError(
      "PROOF_REFUSED",
      "the viewing key is not the one of this opening: nobody could follow the account",
    );
  }
  const common = { account: 0n, stateBefore: commitState(genesis(view.size)), stateAfter: state, blob };
  const call: GateCall = { action: "Open", ...common, deadline: BigInt(deadline), owner, agent };
  const signature = await signClear(signer, view.domains, call);
  return { format: "plimsoll-opening-agreement/1", digest: digestOf(view.domains.gate, call), signature };
}

/**
 * Which account to restore: its number, or whose it is.
 * @see docs/library.md#an-account-on-chain
 */
export interface RestoreOrder {
  readonly viewingKey: FieldElement;
  readonly gate: string;
  readonly account?: bigint | undefined;
  readonly owner?: string | undefined;
}

/**
 * Restores an account from chain and viewing key alone, into a store that has none. Throws `STATE_UNKNOWN` where no account of that
 * number or owner is under the key, `USAGE` where the store has an account already.
 * @see docs/library.md#an-account-on-chain
 */
export async function restoreAccount(
  { provider, store, prover, onStep }: Pick<AccountMachine, "provider" | "store" | "prover" | "onStep">,
  { viewingKey, gate: address, account, owner }: RestoreOrder,
): Promise<{ readonly account: bigint; readonly owner: string; readonly commitment: string }> {
  if ((await store.read()) !== undefined) {
    throw new PlimsollError("USAGE", "this file has an account already: restore into another one");
  }
  const view = await gateAt(provider, address, { onStep });
  const { gate } = view;
  const venue = venueOf({ machine: { prover }, view });
  return view.told(async () => {
    const numbers = account === undefined ? openedBy(view, owner) : [account];
    for await (const number of numbers) {
      const { owner: whose, state } = await gate.getFunction("accountOf")(number);
      if (state === 0n) continue;
      const watcher = new VoidSigner(whose, provider);
      const found = await AccountClient.restore(venue, watcher, number, viewingKey).catch((error: unknown) => {
        if (error instanceof PlimsollError && error.code === "STATE_UNKNOWN") return undefined;
        throw error;
      });
      if (found === undefined) continue;
      const kept = accountRecord({ chainId: `${view.chainId}`, gate: address, owner: whose });
      await store.write({ ...kept, account: `${number}`, state: seal(found.state) });
      return { account: number, owner: whose, commitment: `${state}` };
    }
    throw new PlimsollError("STATE_UNKNOWN", "no such account is under this viewing key at the gate");
  });
}

/** Numbers of the accounts that an owner opened, or of all; the latest first. */
async function* openedBy({ gate, onStep }: GateView, owner: string | undefined): AsyncGenerator<bigint> {
  const opened = gate.filters.AccountOpened!(null, owner ?? null);
  for await (const { args } of eventsBack(gate, [opened], { onStep })) yield args.account;
}
