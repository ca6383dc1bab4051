// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll verify`: the verdict on a proof. */
import { Command } from "commander";
import { EXIT } from "../errors.ts";
import { readMarket } from "../formats/market.ts";
import { readPolicy } from "../formats/policy.ts";
import type { Context } from "./context.ts";
import { type ClaimOptions, claimed, type MarketOptions, optionCommitment, withClaim, withMarket } from "./options.ts";

export function verifyCommand(context: Context): Command {
  const { inputs, print } = context;
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
        const [{ verifyEnvelope }, { loadVerifier }] = await Promise.all([
          import("../document/proof.ts"),
          import("../node/verifier.ts"),
        ]);
        const envelope = await inputs.text(proof);
        const policy = await inputs.text(options.policy);
        const market = await inputs.text(options.market);
        // The reader's own files are input, not evidence: what is wrong with them is not held against the proof.
        const published = readPolicy(policy.text, policy.file);
        readMarket(market.text, market.file, published);
        const asked = { ...claimed(options, published.levels), audience: options.audience };
        const expectedStates = { before, after };
        const verdict = await verifyEnvelope({ envelope, policy, market, expectedStates, asked }, (size) =>
          loadVerifier(size),
        );
        print(options.json, verdict, () =>
          verdict.ok
            ? [
                `valid: ${verdict.statement.text}`,
                `for: ${verdict.statement.audience}`,
                ...verdict.notProven.map(({ code, text }) => `not proven (${code}): ${text}`),
              ].join("\n")
            : `refused (${verdict.reason}): ${verdict.detail}`,
        );
        const unreadable = !verdict.ok && verdict.reason === "ENVELOPE_MALFORMED";
        process.exitCode = verdict.ok ? EXIT.ok : unreadable ? EXIT.input : EXIT.no;
      },
    );
}
