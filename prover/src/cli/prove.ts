// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll prove`: a proof that an account covers its margin. */
import { Command } from "commander";
import { PlimsollError, throwIfCancelled } from "../errors.ts";
import { formatJson, type Json } from "../formats/json.ts";
import { writeResult } from "../node/files.ts";
import type { Context } from "./context.ts";
import {
  type AccountOptions,
  type ClaimOptions,
  claimed,
  loadAccount,
  loadViewingKey,
  optionLabel,
  withAccount,
  withClaim,
} from "./options.ts";

export function proveCommand(context: Context): Command {
  const { print, progress, signal } = context;
  return withClaim(withAccount(new Command("prove")), "prove")
    .description("prove that an account's coverage is at least, or below, a level")
    .requiredOption("--key <file>", "viewing key")
    .requiredOption("--audience <text>", "for whom or what the proof is: it is good for nothing else")
    .option("--out <file>", "where to write the proof; else stdout")
    .action(async (options: AccountOptions & ClaimOptions & { key: string; audience: string; out?: string }) => {
      const { audience, out } = options;
      optionLabel("--audience", audience);
      const { policy, market, holder } = await loadAccount(context, options);
      const claim = claimed(options, policy.levels);
      if (claim === undefined) throw new PlimsollError("USAGE", "give either --at-least or --below");
      const { level, direction, name } = claim;
      const before = { ...holder.account, viewingKey: await loadViewingKey(context, options.key) };

      const [{ createProver }, { proveEnvelope }, { NO_TRANSFER, noFill }] = await Promise.all([
        import("../node/prover.ts"),
        import("../document/proof.ts"),
        import("../model/transition.ts"),
      ]);
      const transition = { transfer: NO_TRANSFER, fill: noFill(before.size), side: 1n } as const;
      const prover = createProver();
      try {
        const envelope = await proveEnvelope(
          prover,
          { before, transition, level, direction, audience, policy, market },
          { signal, onStep: (step, size) => progress(`${step} (${size})`) },
        );
        throwIfCancelled(signal);
        const text = formatJson(envelope as unknown as Json);
        if (out === undefined) process.stdout.write(text);
        else {
          await writeResult(out, text);
          print(options.json, { file: out, statement: envelope.statement }, () => envelope.statement.text);
        }
      } catch (error) {
        if (!(error instanceof PlimsollError) || error.code !== "STATEMENT_FALSE") throw error;
        const words = `${direction === "below" ? "below" : "at least"} ${name === undefined ? "" : `the ${name} level of `}`;
        throw new PlimsollError(
          "STATEMENT_FALSE",
          `the coverage of this account is not ${words}${level} basis points, so no proof of it exists`,
        );
      } finally {
        await prover.close();
      }
    });
}
