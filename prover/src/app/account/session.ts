// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * An account at a gate in its owner's hands: what is asked of the machine, and calls that have exactly one effect on chain whatever
 * is killed when. Each call is consented to, written down, sent, and told of; the same request again goes on where it stopped.
 */
import { type Provider, type Signer, VoidSigner } from "ethers";
import {
  type AccountRecord,
  type AccountStore,
  accountRecord,
  type SealedState,
  type Sending,
  seal,
  unseal,
} from "../../chain/account-record.ts";
import { AccountClient, openedIn, type Venue } from "../../chain/client.ts";
import { type GateView, gateAt } from "../../chain/gate-view.ts";
import { fateOf, type Journal, JournaledSigner } from "../../chain/journal.ts";
import { PlimsollError, throwIfCancelled } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import { type Account, genesis } from "../../model/account.ts";
import type { Prover } from "../../prove/prover.ts";

/**
 * What is about to leave, for whoever has to agree to it.
 * @see docs/library.md#an-account-on-chain
 */
export interface Leaving {
  /** What it does, in a sentence without its full stop. */
  readonly words: string;
  /** What of it everybody will see. */
  readonly shows: string;
  readonly chainId: bigint;
  readonly gate: string;
  readonly from: string;
  /** Gas may cost so much, in units of 10^-18 of the chain's currency. */
  readonly most: bigint;
}

/**
 * What the use cases of an account need of the machine.
 * @see docs/library.md#an-account-on-chain
 */
export interface AccountMachine {
  readonly provider: Provider;
  /** The owner's; an address alone is enough for what sends nothing. */
  readonly signer: Signer | undefined;
  readonly prover: Venue["prover"] & Pick<Prover, "liquidate">;
  readonly store: AccountStore;
  /** Asked before each transaction; throws where it may not be sent. */
  consent(leaving: Leaving): Promise<void>;
  readonly onStep?: (what: string) => void;
  readonly signal?: AbortSignal;
  /** Milliseconds to wait for the chain to take a transaction; five minutes unless given. */
  readonly patience?: number;
  /** Whether a call may take the place of another one that was interrupted and that the chain does not have. */
  readonly instead?: boolean;
}

/** An account that was found in its store, at its gate. */
export interface Session {
  readonly machine: AccountMachine;
  readonly view: GateView;
  /** As it is in the store. */
  record: AccountRecord;
  readonly viewingKey: FieldElement;
}

/** What a call is. */
export interface Order {
  /** The same text for the same call, and no other. */
  readonly request: string;
  readonly words: string;
  readonly shows: string;
  /** PRIVATE: added to the words when consent is asked, and kept nowhere. */
  readonly privately?: string;
}

/**
 * A call that the chain has taken.
 * @see docs/library.md#an-account-on-chain
 */
export interface Done {
  readonly transaction: string;
  readonly block: number;
  readonly account: bigint;
  readonly words: string;
  /** It had been begun by an earlier try. */
  readonly resumed: boolean;
  /** To be called once the caller has been told: until then the same request answers with this call and makes no other. */
  acknowledge(): Promise<void>;
}

type Receipt = { readonly hash: string; readonly blockNumber: number };

/**
 * Opens what the store has. Throws `USAGE` where it has nothing and no gate is named, `FIELD_INVALID` where it is of another gate,
 * chain or owner, and as `gateAt`.
 */
export async function openSession(
  machine: AccountMachine,
  viewingKey: FieldElement,
  { gate, owner }: { readonly gate?: string | undefined; readonly owner?: string | undefined } = {},
): Promise<Session> {
  const { provider, signer, store } = machine;
  const kept = await store.read();
  const at = kept?.gate ?? gate;
  if (at === undefined)
    throw new PlimsollError("USAGE", "there is no such account yet: name the gate", { field: "gate" });
  if (gate !== undefined && gate.toLowerCase() !== at.toLowerCase()) {
    throw new PlimsollError("FIELD_INVALID", `the account is at gate ${at}`, { field: "gate" });
  }
  const view = await gateAt(provider, at, {
    expectedChain: kept === undefined ? undefined : BigInt(kept.chainId),
    onStep: machine.onStep,
  });
  const who = signer === undefined ? (kept?.owner ?? owner ?? NOBODY) : await signer.getAddress();
  if (kept !== undefined && kept.owner.toLowerCase() !== who.toLowerCase()) {
    throw new PlimsollError("FIELD_INVALID", `the account belongs to ${kept.owner}, and the signer is ${who}`, {
      field: "owner",
    });
  }
  const record = kept ?? accountRecord({ chainId: `${view.chainId}`, gate: at, owner: who });
  if (record.state !== null) unseal(record.state, view.size, viewingKey);
  return { machine, view, record, viewingKey };
}
const NOBODY = `0x${"0".repeat(40)}`;

/** Keeps a change of the record. */
export async function save(session: Session, change: Partial<AccountRecord>): Promise<void> {
  const record = { ...session.record, ...change };
  await session.machine.store.write(record);
  session.record = record;
}

/** Number of the account. Throws `USAGE` where it is not open. */
export function numberOf({ record }: Session): bigint {
  if (record.account !== null) return BigInt(record.account);
  throw new PlimsollError("USAGE", "the account is not open yet: `plimsoll account open`");
}

/** The venue as clients of the library take it. */
export function venueOf(
  { machine, view }: { readonly machine: Pick<AccountMachine, "prover">; readonly view: GateView },
  more: Partial<Venue> = {},
): Venue {
  const { gate, exchange, clearing, domains, onStep } = view;
  return { gate, exchange, clearing, domains, onStep, prover: machine.prover, cosign: async () => "0x", ...more };
}

/** Follows the account, from the state that is kept. */
export function clientOf(session: Session, signer: Signer, more: Partial<Venue> = {}): AccountClient {
  const { record, view, viewingKey } = session;
  const state = record.state === null ? genesis(view.size) : unseal(record.state, view.size, viewingKey);
  return new AccountClient(venueOf(session, more), signer, numberOf(session), state, viewingKey);
}

/** The account as the chain has it now; what is kept follows. */
export async function currentState(session: Session): Promise<Account> {
  const { machine, record, view } = session;
  const client = clientOf(session, new VoidSigner(record.owner, machine.provider));
  await view.told(() => client.catchUp());
  const state = seal(client.state);
  if (state.commitment !== record.state?.commitment) await save(session, { state });
  return client.state;
}

/**
 * Makes a call, or goes on with it where it was begun. `run` prepares and sends it with the signer that it is handed, and is told of
 * the state that follows by `keep`.
 *
 * Throws `CANCELLED`; `USAGE` where another call was interrupted; `CALL_REFUSED` with the contracts' reason, and nothing was sent;
 * `CHAIN_FAILED`.
 */
export async function act(
  session: Session,
  order: Order,
  run: (signer: Signer, keep: (after: Account) => void) => Promise<Receipt>,
): Promise<Done> {
  const { machine, view } = session;
  const earlier = await resume(session, order.request);
  if ("done" in earlier) return earlier.done;
  throwIfCancelled(machine.signal);
  let after: SealedState | undefined;
  const journal: Journal = {
    chainId: view.chainId,
    nonce: earlier.nonce,
    async consent({ most }) {
      throwIfCancelled(machine.signal);
      const { shows, privately = "" } = order;
      const words = `${order.words}${privately}`;
      const { gate, owner: from } = session.record;
      await machine.consent({ words, shows, chainId: view.chainId, gate, from, most });
      machine.onStep?.("sending");
    },
    write: (sending) =>
      save(session, {
        sending: { ...sending, request: order.request, words: order.words, ...(after && { after }) },
      }),
  };
  const signer = new JournaledSigner(signerOf(machine), machine.provider, journal);
  const receipt = await inTime(machine, () =>
    view.told(() =>
      run(signer, (state) => {
        after = seal(state);
      }),
    ),
  );
  return landed(session, session.record.sending!, receipt, false);
}

/** The signer. Throws `USAGE` where there is none. */
export function signerOf({ signer }: AccountMachine): Signer {
  if (signer === undefined) throw new PlimsollError("USAGE", "name who signs: a keystore, or an account of the node");
  return signer;
}

/**
 * What became of a call that was interrupted. The same call is finished; of another one that is not on chain the nonce is handed back,
 * if this one may take its place.
 */
export async function resume(
  session: Session,
  request: string,
): Promise<{ readonly done: Done } | { readonly nonce: number | undefined }> {
  const { machine, view, record } = session;
  const { sending } = record;
  if (sending === null) return { nonce: undefined };
  const same = sending.request === request;
  const contracts = [view.gate, view.exchange, view.liquidation].map(({ target }) => target as string);
  const fate = await view.told(() => fateOf(machine.provider, record.owner, sending, [...contracts, sending.to]));
  if (fate.kind === "landed") {
    const done = await landed(session, sending, fate.receipt, true);
    if (same) return { done };
    if (sending.landed !== true) machine.onStep?.(`an earlier call has been taken by the chain: ${sending.words}`);
    await done.acknowledge();
    return { nonce: undefined };
  }
  if (fate.kind === "gone") {
    machine.onStep?.(`an earlier call had no effect: ${sending.words}`);
    await save(session, { sending: null });
    return { nonce: undefined };
  }
  if (!same) {
    if (machine.instead === true || sending.request.startsWith(`${request}${APPROVAL}`))
      return { nonce: sending.nonce };
    const why = `an earlier command was interrupted: ${sending.words}. Run that one again to finish it, or let this one take its place (--instead)`;
    throw new PlimsollError("USAGE", why);
  }
  const { raw, to, data } = sending;
  const stillGood = await machine.provider.estimateGas({ from: record.owner, to, data }).then(
    () => true,
    () => false,
  );
  // Another proof, another deadline: of the same nonce, so that the chain takes one of the two.
  if (raw === undefined || !stillGood) return { nonce: sending.nonce };
  machine.onStep?.(`sending again what was interrupted: ${sending.words}`);
  const receipt = await inTime(machine, () => view.told(() => resent(machine.provider, raw, sending.hash!)));
  return { done: await landed(session, sending, receipt, true) };
}
/**
 * The call that is being sent, once the chain has it; undefined where there is none, or the chain does not have it. For whoever had
 * it signed elsewhere.
 */
export async function takenCall(machine: AccountMachine, viewingKey: FieldElement): Promise<Done | undefined> {
  const session = await openSession({ ...machine, signer: undefined }, viewingKey);
  const { sending } = session.record;
  if (sending === null) return undefined;
  const found = await resume(session, sending.request);
  return "done" in found ? found.done : undefined;
}

/** What a request's approval is called. */
export const APPROVAL = ", approval";

async function resent(provider: Provider, raw: string, hash: string): Promise<Receipt> {
  // A node that has it already refuses it.
  await provider.broadcastTransaction(raw).catch(() => undefined);
  const receipt = await provider.waitForTransaction(hash);
  if (receipt === null) throw new PlimsollError("CHAIN_FAILED", "the node does not tell of the transaction");
  return receipt;
}

/** Keeps what the chain has taken. */
async function landed(
  session: Session,
  sending: Sending,
  { hash, blockNumber: block }: Receipt,
  resumed: boolean,
): Promise<Done> {
  const { machine, view } = session;
  if (sending.landed !== true) {
    let { account, state } = session.record;
    if (account === null) {
      const receipt = await view.told(() => machine.provider.getTransactionReceipt(hash));
      account = `${openedIn({ gate: view.gate }, receipt!)}`;
    }
    if (sending.after !== undefined) state = sending.after;
    await save(session, { account, state, opening: null, sending: { ...sending, hash, landed: true } });
  }
  const acknowledge = () => save(session, { sending: null });
  return { transaction: hash, block, account: numberOf(session), words: sending.words, resumed, acknowledge };
}

const PATIENCE = 300_000;

/** Waits for the chain, and no longer than patience or the signal have it. */
async function inTime<T>({ patience = PATIENCE, signal }: AccountMachine, work: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    const late = "the chain has not taken the transaction yet: run the same command again to go on waiting";
    timer = setTimeout(() => reject(new PlimsollError("CHAIN_FAILED", late)), patience);
    stop = () => reject(new PlimsollError("CANCELLED", "stopped; run the same command again to go on"));
    signal?.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work(), ended]);
  } finally {
    clearTimeout(timer);
    if (stop !== undefined) signal?.removeEventListener("abort", stop);
  }
}
