// SPDX-License-Identifier: GPL-3.0-or-later
/** The account that deploys on a chain, as command lines name it. */
import type { JsonRpcProvider, Signer } from "ethers";
import { PlimsollError } from "../errors.ts";

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
