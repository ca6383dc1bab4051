// SPDX-License-Identifier: GPL-3.0-or-later
/** The node of a chain and the account that deploys there, as command lines name them. */
import type { JsonRpcProvider, Signer } from "ethers";
import { PlimsollError } from "../errors.ts";

/** A node that answers, and its chain. Throws `CHAIN_FAILED`. */
export async function providerAt(rpc: string): Promise<JsonRpcProvider> {
  const { FetchRequest, JsonRpcProvider } = await import("ethers");
  // Answers are asked for anew: what was true before a transaction is not true after it.
  const options = { staticNetwork: true, batchMaxCount: 1, cacheTimeout: -1 };
  try {
    const request = new FetchRequest(rpc);
    request.timeout = 30_000;
    // Any chain will do for the question which it is: one that is not said is asked for again and again.
    const asking = new JsonRpcProvider(request, 1n, options);
    const chainId = BigInt(await asking.send("eth_chainId", []));
    asking.destroy();
    return new JsonRpcProvider(request, chainId, options);
  } catch {
    throw new PlimsollError("CHAIN_FAILED", "the node does not answer", { field: "--rpc" });
  }
}

/** The account of PLIMSOLL_DEPLOYER_KEY, else the node's first. */
export async function deployerOf(provider: JsonRpcProvider): Promise<Signer> {
  const { Wallet } = await import("ethers");
  const secret = process.env.PLIMSOLL_DEPLOYER_KEY;
  try {
    return secret === undefined ? await provider.getSigner(0) : new Wallet(secret, provider);
  } catch {
    const rule =
      secret === undefined ? "the node has no account; give a key" : "expected a private key, 0x and 64 digits";
    throw new PlimsollError("USAGE", rule, { field: "PLIMSOLL_DEPLOYER_KEY" });
  }
}
