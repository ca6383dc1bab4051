// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Transactions with exactly one effect, whatever is killed when: each is written down with its nonce before it is sent, and whoever
 * comes back asks the chain what became of that nonce. Of two transactions of one nonce the chain takes one.
 *
 * Not here: what a transaction does, and whether it may be sent.
 */
import {
  AbstractSigner,
  JsonRpcSigner,
  keccak256,
  type Provider,
  type Signer,
  type TransactionReceipt,
  type TransactionRequest,
  type TransactionResponse,
  type TypedDataDomain,
  type TypedDataField,
  VoidSigner,
} from "ethers";
import { PlimsollError } from "../errors.ts";
import type { Sending } from "./account-record.ts";

/** What is about to be sent, besides what is known of it: `most` is what gas may cost, in units of 10^-18 of the chain's currency. */
export type Outgoing = Pick<Sending, "to" | "data" | "nonce" | "block"> & { readonly most: bigint };

/** How transactions are written down and let out. */
export interface Journal {
  /** The chain that was found at first: nothing is signed for another that the node tells of later. */
  readonly chainId: bigint;
  /** A nonce that is to be used: that of a transaction whose place this one takes. */
  readonly nonce?: number | undefined;
  /** Asks whether it may be sent; throws where it may not. */
  consent(outgoing: Outgoing): Promise<void>;
  /** Writes it down, before it is sent, and again when its hash is known. */
  write(sending: Omit<Outgoing, "most"> & Pick<Sending, "raw" | "hash">): Promise<void>;
}

/** A transaction for a wallet to sign and send. */
export interface Offer {
  readonly chainId: bigint;
  readonly from: string;
  readonly to: string;
  readonly data: string;
  readonly nonce: number;
  readonly gasLimit: bigint;
}

/**
 * Somebody's wallet elsewhere, such as in a browser. What it is to send ends up in `offered`, and the call that asked for it is
 * refused with `CANCELLED`: whether the wallet has sent it, the chain says later.
 */
export class WalletSigner extends VoidSigner {
  offered: Offer | undefined;
}

/** A signer whose transactions are written down before they are sent. */
export class JournaledSigner extends AbstractSigner<Provider> {
  readonly #inner: Signer;
  readonly #journal: Journal;

  constructor(inner: Signer, provider: Provider, journal: Journal) {
    super(provider);
    this.#inner = inner.provider === null ? inner.connect(provider) : inner;
    this.#journal = journal;
  }

  getAddress = () => this.#inner.getAddress();
  connect = (provider: Provider) => new JournaledSigner(this.#inner, provider, this.#journal);
  signTransaction = (tx: TransactionRequest) => this.#inner.signTransaction(tx);
  signMessage = (message: string | Uint8Array) => this.#inner.signMessage(message);
  signTypedData = (domain: TypedDataDomain, types: Record<string, TypedDataField[]>, value: Record<string, unknown>) =>
    this.#inner.signTypedData(domain, types, value);

  override async sendTransaction(request: TransactionRequest): Promise<TransactionResponse> {
    const { provider } = this;
    const from = await this.getAddress();
    const { nonce: given, chainId, consent, write } = this.#journal;
    const [to, data] = [request.to as string, request.data ?? "0x"];
    // The contracts' refusal shows here, before anything is sent.
    const gasLimit = ((await provider.estimateGas({ to, data, from })) * 12n) / 10n;
    const fees = await feesOf(provider, given !== undefined);
    const nonce = given ?? (await provider.getTransactionCount(from, "pending"));
    const block = await provider.getBlockNumber();
    const out = { to, data, nonce, block };
    if ((await provider.getNetwork()).chainId !== chainId) {
      throw new PlimsollError("CHAIN_FAILED", `the node is not of chain ${chainId} any more: nothing was sent`);
    }
    await consent({ ...out, most: gasLimit * (fees.maxFeePerGas ?? fees.gasPrice ?? 0n) });
    if (this.#inner instanceof WalletSigner) {
      await write(out);
      this.#inner.offered = { chainId, from, to, data, nonce, gasLimit };
      throw new PlimsollError("CANCELLED", "it waits for the wallet");
    }
    const transaction = { to, data, nonce, gasLimit, ...fees };
    if (this.#inner instanceof JsonRpcSigner) {
      await write(out);
      const hash = await this.#inner.sendUncheckedTransaction(transaction);
      await write({ ...out, hash });
      return sentAs(provider, hash);
    }
    const type = fees.gasPrice === undefined ? 2 : 0;
    const raw = await this.#inner.signTransaction({ ...transaction, chainId, type });
    await write({ ...out, raw, hash: keccak256(raw) });
    return provider.broadcastTransaction(raw);
  }
}

/** What a transaction pays; a quarter more where it is to take another's place. */
async function feesOf(provider: Provider, replaces: boolean) {
  const { maxFeePerGas, maxPriorityFeePerGas, gasPrice } = await provider.getFeeData();
  const raised = (fee: bigint) => (replaces ? (fee * 5n) / 4n + 1n : fee);
  return maxFeePerGas === null || maxPriorityFeePerGas === null
    ? { gasPrice: raised(gasPrice ?? 0n) }
    : { maxFeePerGas: raised(maxFeePerGas), maxPriorityFeePerGas: raised(maxPriorityFeePerGas) };
}

/** A transaction that the node has taken: it may be a moment until it tells of it. */
async function sentAs(provider: Provider, hash: string): Promise<TransactionResponse> {
  for (let tries = 0; tries < 40; tries++) {
    const found = await provider.getTransaction(hash);
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 100 + 50 * tries));
  }
  throw new PlimsollError("CHAIN_FAILED", "the node does not tell of the transaction that it took: run it again");
}

/** What became of a transaction that was written down. */
export type Fate =
  /** The chain has it. */
  | { readonly kind: "landed"; readonly receipt: TransactionReceipt }
  /** It was reverted, or another transaction had its nonce: it has no effect, and will have none. */
  | { readonly kind: "gone" }
  /** Its nonce is free: it was not sent, or waits. */
  | { readonly kind: "open" };

/**
 * Asks the chain what became of a transaction.
 * @param contracts whose events its effect would be among, where its hash is not known
 */
export async function fateOf(
  provider: Provider,
  from: string,
  sending: Pick<Sending, "to" | "data" | "nonce" | "block" | "hash">,
  contracts: readonly string[],
): Promise<Fate> {
  for (let looks = 1; ; looks++) {
    const fate = await fateNow(provider, from, sending, contracts);
    if (fate !== undefined) return fate;
    // Of the machines behind one address some know of a block before others do: one look may miss what was taken.
    if (looks === LOOKS) return { kind: "gone" };
    await new Promise((resolve) => setTimeout(resolve, FIRST_WAIT * LONGER ** (looks - 1)));
  }
}
/** Half a minute in all, the last wait as long as those before it. Whoever is told that it is gone may pay a second time. */
const [LOOKS, FIRST_WAIT, LONGER] = [8, 250, 2];

/** Undefined where its nonce was used, and not seen to be by itself. */
async function fateNow(
  provider: Provider,
  from: string,
  sending: Pick<Sending, "to" | "data" | "nonce" | "block" | "hash">,
  contracts: readonly string[],
): Promise<Fate | undefined> {
  const known = sending.hash === undefined ? null : await provider.getTransactionReceipt(sending.hash);
  if (known !== null) return known.status === 1 ? { kind: "landed", receipt: known } : { kind: "gone" };
  if ((await provider.getTransactionCount(from, "latest")) <= sending.nonce) return { kind: "open" };
  // Its nonce was used: by itself, sent by a node that never told its hash, or by another.
  const logs = await provider.getLogs({ address: [...contracts], fromBlock: sending.block });
  for (const hash of new Set(logs.map(({ transactionHash }) => transactionHash))) {
    const found = await provider.getTransaction(hash);
    const same =
      found !== null &&
      found.nonce === sending.nonce &&
      found.from.toLowerCase() === from.toLowerCase() &&
      found.to?.toLowerCase() === sending.to.toLowerCase() &&
      found.data === sending.data;
    const receipt = same ? await provider.getTransactionReceipt(hash) : null;
    if (receipt !== null) return { kind: "landed", receipt };
  }
  return undefined;
}
