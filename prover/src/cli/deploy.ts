// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll deploy`: the whole system on a chain. */

import { existsSync } from "node:fs";
import { Command } from "commander";
import type { DeploymentRecord } from "../chain/deployment-file.ts";
import { formatJson } from "../formats/json.ts";
import { writeResult } from "../node/files.ts";
import { nodeOf } from "./account/machine.ts";
import { deployerOf } from "./chain.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";

interface Options {
  readonly rpc?: string;
  readonly record: string;
  readonly json?: boolean;
}

export function deployCommand({ inputs, print, progress }: Context): Command {
  return new Command("deploy")
    .argument("<parameters>", "who does what at the venue, tokens and bounds, JSON (docs/gate.md)")
    .description(
      "deploy verifiers, queue, registry, oracle, gate and liquidation; run again it goes on where it stopped",
    )
    .option("--rpc <url>", "node of the chain; else the one in PLIMSOLL_RPC")
    .addOption(
      new Destination(
        "file",
        "--record <file>",
        "where what has been deployed is kept, after each step",
      ).makeOptionMandatory(),
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe account of PLIMSOLL_DEPLOYER_KEY (a private key, in the environment) pays, else the node's first account. It sets\nboards up by the queue until it closes that, and owns the gate until the owner accepts it (acceptOwnership).",
    )
    .action(async (parameters: string, { rpc, record, json }: Options) => {
      const [{ NonceManager }, files, { deploySystem }, { loadDeployableKey }] = await Promise.all([
        import("ethers"),
        import("../chain/deployment-file.ts"),
        import("../app/deploy.ts"),
        import("../node/artifacts.ts"),
      ]);
      const given = await inputs.text(parameters);
      const request = files.readDeploymentRequest(given.text, given.file);
      const before = existsSync(record) ? await inputs.text(record) : undefined;
      const earlier = before && files.readDeploymentRecord(before.text, before.file);
      const provider = await nodeOf({ rpc });
      try {
        const done = await deploySystem(
          {
            deployer: new NonceManager(await deployerOf(provider)),
            loadKey: loadDeployableKey,
            earlier,
            save: (text) => writeResult(record, formatJson(text)),
            onStep: progress,
          },
          request,
        );
        print(json, done, () => addresses(done.result));
      } finally {
        provider.destroy();
      }
    });
}

/** Every address, a line each. */
function addresses(result: DeploymentRecord["result"]): string {
  const { chainId, contracts, keys } = result!;
  return [
    `chain ${chainId}`,
    ...Object.entries(contracts).map(([name, { address }]) => `${address} ${name}`),
    ...keys.map(({ circuit, page }) => `${page} key ${circuit}`),
  ].join("\n");
}
