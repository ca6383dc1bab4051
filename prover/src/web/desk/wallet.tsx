// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The wallet in the browser, found by EIP-6963 and asked by EIP-1193: it signs and sends what the desk has prepared, and the desk is
 * told the transaction's hash. The desk believes the chain, not this page.
 */
import { useEffect, useState } from "preact/hooks";
import { api, type Offer } from "./api.ts";
import { Action } from "./parts.tsx";

/** EIP-1193. */
interface Provider {
  request(call: { readonly method: string; readonly params?: readonly unknown[] }): Promise<unknown>;
}
/** EIP-6963. */
interface Announced {
  readonly info: { readonly uuid: string; readonly name: string; readonly rdns: string };
  readonly provider: Provider;
}

/** Wallets that have announced themselves. */
export function useWallets(): readonly Announced[] {
  const [wallets, setWallets] = useState<readonly Announced[]>([]);
  useEffect(() => {
    const take = (event: Event) => {
      const { detail } = event as CustomEvent<Announced>;
      setWallets((last) => (last.some(({ info }) => info.uuid === detail.info.uuid) ? last : [...last, detail]));
    };
    addEventListener("eip6963:announceProvider", take);
    dispatchEvent(new Event("eip6963:requestProvider"));
    return () => removeEventListener("eip6963:announceProvider", take);
  }, []);
  return wallets;
}

const hex = (value: string | number) => `0x${BigInt(value).toString(16)}`;

/** Milliseconds between two tries to tell the desk, whose node may know of a transaction a moment later; and how many. */
const [BETWEEN, TRIES] = [1_000, 20];

async function sendBy({ provider }: Announced, id: number): Promise<void> {
  const offer = await api.offer(id);
  await matchWallet(provider, offer);
  const { chainId, from, to, data, nonce, gasLimit } = offer;
  const transaction = {
    chainId: hex(chainId),
    from,
    to,
    data,
    nonce: hex(nonce),
    gas: hex(gasLimit),
    value: "0x0",
  };
  const hash = (await provider.request({ method: "eth_sendTransaction", params: [transaction] })) as string;
  for (let tries = 1; ; tries++) {
    try {
      return void (await api.sent(id, hash));
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN));
    }
  }
}

/** Throws unless the wallet has the account's owner, on the chain of its gate. */
async function matchWallet(provider: Provider, { from, chainId }: Offer): Promise<void> {
  const accounts = (await provider.request({ method: "eth_requestAccounts" })) as readonly string[];
  if (!accounts.some((each) => each.toLowerCase() === from.toLowerCase())) {
    throw new Error(`the wallet does not have ${from}, which the account belongs to`);
  }
  const isThere = async () => BigInt((await provider.request({ method: "eth_chainId" })) as string) === BigInt(chainId);
  if (await isThere()) return;
  await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: hex(chainId) }] });
  if (!(await isThere())) throw new Error(`the wallet is on another chain than ${chainId}, where the account is`);
}

/** Sends the next transaction of a task by a wallet, the one that is chosen where there are several. */
export function SendByWallet({ id }: { id: number }) {
  const wallets = useWallets();
  const [chosen, setChosen] = useState(0);
  const wallet = wallets[chosen];
  if (wallet === undefined) return <small>No wallet has announced itself in this browser.</small>;
  return (
    <>
      {wallets.length > 1 && (
        <select
          aria-label={`Wallet for task ${id}`}
          value={chosen}
          onChange={(event) => setChosen(Number(event.currentTarget.value))}
        >
          {wallets.map(({ info }, index) => (
            <option key={info.uuid} value={index}>
              {info.name}
            </option>
          ))}
        </select>
      )}
      <Action work={() => sendBy(wallet, id)}>{`Send by ${wallet.info.name}`}</Action>
    </>
  );
}
