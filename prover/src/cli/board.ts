// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll board`: the board of a deployed venue. */

import { Command } from "commander";
import { formatJson } from "../formats/json.ts";
import { writeResult } from "../node/files.ts";
import { nodeOf } from "./account/machine.ts";
import { deployerOf } from "./chain.ts";
import type { Context } from "./context.ts";
import { Destination } from "./destination.ts";

interface Options {
  readonly policy: string;
  readonly record: string;
  readonly rpc?: string;
  readonly json?: boolean;
}

export function boardCommand(context: Context): Command {
  const board = new Command("board").description("open the board of a deployed venue");
  board.addCommand(openCommand(context));
  return board;
}

function openCommand({ inputs, print, progress }: Context): Command {
  return new Command("open")
    .argument("<opening>", "terms of the policy and where prices come from, JSON (docs/gate.md)")
    .description("link the policy, create the board, close the queue and seal the gate; run again it goes on")
    .requiredOption("--policy <file>", "haircuts and levels of the board's first policy")
    .addOption(
      new Destination(
        "file",
        "--record <file>",
        "of plimsoll deploy; what is done is kept there, after each step",
      ).makeOptionMandatory(),
    )
    .option("--rpc <url>", "node of the chain; else the one in PLIMSOLL_RPC")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe account that deployed sends: that of PLIMSOLL_DEPLOYER_KEY (a private key, in the environment), else the node's first.\nOnce the queue is closed, what loosens a rule waits for the queue's delay.",
    )
    .action(async (opening: string, { policy, record, rpc, json }: Options) => {
      const [{ NonceManager }, files, { readBoardOpening }, { openRecordedBoard }, keys, { createLinkMaker }, formats] =
        await Promise.all([
          import("ethers"),
          import("../chain/deployment-file.ts"),
          import("../chain/opening-file.ts"),
          import("../app/open-board.ts"),
          import("../node/artifacts.ts"),
          import("../prove/link.ts"),
          import("../formats/policy.ts"),
        ]);
      const [given, rules, kept] = [await inputs.text(opening), await inputs.text(policy), await inputs.text(record)];
      const request = readBoardOpening(given.text, given.file, formats.readPolicy(rules.text, rules.file));
      const deployed = files.readDeploymentRecord(kept.text, kept.file);
      const provider = await nodeOf({ rpc });
      try {
        const done = await openRecordedBoard(
          {
            deployer: new NonceManager(await deployerOf(provider)),
            makerOf: async (circuit) => createLinkMaker(await keys.loadLinkKey(circuit)),
            record: deployed,
            save: (text) => writeResult(record, formatJson(text)),
            onStep: progress,
          },
          request,
        );
        const { board, policyId, gate, points, sources } = done.board!;
        print(json, done, () =>
          [
            `board ${board}, policy ${policyId}; the queue is closed and the gate sealed`,
            `${gate} gate`,
            `${points} points of policies`,
            `${sources} price sources`,
          ].join("\n"),
        );
      } finally {
        provider.destroy();
      }
    });
}
