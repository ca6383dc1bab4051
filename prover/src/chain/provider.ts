// SPDX-License-Identifier: GPL-3.0-or-later
/** The node of a chain. */
import type { JsonRpcProvider } from "ethers";
import { PlimsollError } from "../errors.ts";

/** A node that answers, and its chain. Throws `USAGE` for what is no address of one, and `CHAIN_FAILED`. */
export async function providerAt(rpc: string): Promise<JsonRpcProvider> {
  if (!/^https?:\/\/[^/]/i.test(rpc)) {
    throw new PlimsollError("USAGE", "expected the address of a node, such as http://127.0.0.1:8545", {
      field: "--rpc",
    });
  }
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
