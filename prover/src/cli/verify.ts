// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll verify`: the verdict on a proof. */
import { Command } from "commander";
import type { Context } from "./context.ts";
import {
  type ClaimOptions,
  claimed,
  loadMarket,
  type MarketOptions,
  optionCommitment,
  withClaim,
  withMarket,
} from "./options.ts";

export function verifyCommand(context: Context): Command {
  const { inputs } = context;
  return withClaim(withMarket(new Command("verify")), "refuse a proof of anything but")
    .argument("<proof>", "proof file")
    .description("verify a proof against a published policy and market; needs no secret and no network")
    .option("--state-before <commitment>", "the commitment that the account is known to have had")
    .option("--state-after <commitment>", "the commitment that the account is known to have")
    .option("--audience <text>", "refuse a proof made for anyone or anything else")
    .action(
      async (proof: string, options: MarketOptions & ClaimOptions & { stateBefore?: string; stateAfter?: string }) => {
        const before = optionCommitment("--state-before", options.stateBefore);
        const after = optionCommitment("--state-after", options.stateAfter);
        const [{ verifyEnvelope }, { COVERAGE }, { loadVerifier }, { documentVerdict }, { printVerdict }] =
          await Promise.all([
            import("../app/verify-envelope.ts"),
            import("../document/proof.ts"),
            import("../node/verifier.ts"),
            import("../report/verdict.ts"),
            import("./verdict.ts"),
          ]);
        const envelope = await inputs.text(proof);
        // The reader's own files are input, not evidence: what is wrong with them is not held against the proof.
        const { policy, market } = await loadMarket(context, options);
        const asked = { ...claimed(options, policy.levels), audience: options.audience };
        const request = { envelope, policy, market, expectedStates: { before, after }, asked };
        const verdict = await verifyEnvelope({ verifierFor: loadVerifier }, request);
        printVerdict(context, options.json, documentVerdict(COVERAGE, verdict));
      },
    );
}
