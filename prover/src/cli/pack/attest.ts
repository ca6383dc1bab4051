// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll pack attest`: a custodian or venue vouches for a firm's commitment. */
import { Command } from "commander";
import { PlimsollError } from "../../errors.ts";
import { formatJson } from "../../formats/json.ts";
import { BOARD_SIZES } from "../../model/sizes.ts";
import type { Context } from "../context.ts";
import { Destination } from "../destination.ts";
import { loadMarket } from "../options.ts";

interface AttestOptions {
  readonly commitment: string;
  readonly policy?: string;
  readonly market?: string;
  readonly size: string;
  readonly firm: string;
  readonly subject: string;
  readonly scope: string;
  readonly asOf: string;
  readonly expires: string;
  readonly name: string;
  readonly key: string;
  readonly out?: string;
}

export function attestCommand(context: Context): Command {
  const { inputs, deliver } = context;
  return new Command("attest")
    .description(
      "as a custodian or venue: sign that a commitment is to a firm's account, after opening it (see plimsoll commit)",
    )
    .requiredOption("--commitment <number>", "the commitment")
    .requiredOption("--size <size>", BOARD_SIZES.join(", "))
    .requiredOption("--firm <address>", "the address that seals the firm's packs")
    .requiredOption("--subject <text>", "what you call the account, without amounts")
    .requiredOption("--scope <scope>", "account, or everything if the account is all that you hold for the firm")
    .requiredOption("--as-of <time>", "time of the holdings that you have seen")
    .requiredOption("--expires <time>", "time after which nobody may rely on the attestation")
    .requiredOption("--name <text>", "your name")
    .requiredOption("--key <file>", "your signing key")
    .option(
      "--policy <file>",
      "the policy under which you have opened it; with --market, names the assets and instruments that it counts",
    )
    .option("--market <file>", "the market under which you have opened it")
    .addOption(new Destination("file", "--out <file>", "where to write the attestation; else stdout"))
    .action(async ({ policy, market, key, out, ...vouched }: AttestOptions) => {
      const [{ attest }, { readSigningKey }] = await Promise.all([
        import("../../app/attest.ts"),
        import("../../pack/typed-data.ts"),
      ]);
      if ((policy === undefined) !== (market === undefined)) {
        throw new PlimsollError("USAGE", "give both --policy and --market, or neither");
      }
      const under = policy && market ? await loadMarket(context, { policy, market }) : undefined;
      const signing = readSigningKey(await inputs.secret(key));
      const attestation = await attest({ ...vouched, signing, under });
      await deliver(out, formatJson(attestation));
    });
}
