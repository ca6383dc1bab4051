// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll doctor`: whether this installation can prove and verify. */
import { Command } from "commander";
import { EXIT, PlimsollError, throwIfCancelled } from "../errors.ts";
import type { Examination } from "../node/rebuild.ts";
import { CIRCUITS } from "../statement/families.ts";
import { type Context, VERSION } from "./context.ts";

export function doctorCommand(context: Context): Command {
  const { print } = context;
  return new Command("doctor")
    .description("check versions, circuits, keys and memory, and say which prover runs and why")
    .option("--rebuild", "compile the circuits from their sources, and hold identities and keys against them")
    .option("--size <circuit...>", `with --rebuild: which (default all that have keys): ${CIRCUITS.join(", ")}`)
    .option("--json", "print JSON")
    .action(async ({ json, rebuild, size }: { json?: boolean; rebuild?: boolean; size?: string[] }) => {
      if (rebuild) return rebuildCircuits(context, size, json);
      if (size !== undefined) throw new PlimsollError("USAGE", "--size goes with --rebuild");
      const { diagnose, renderDiagnosis } = await import("../node/doctor.ts");
      const diagnosis = await diagnose(VERSION);
      print(json, diagnosis, () => renderDiagnosis(diagnosis));
      process.exitCode = diagnosis.usable ? EXIT.ok : EXIT.artifacts;
    });
}

async function rebuildCircuits(
  { print, progress, signal }: Context,
  names: string[] | undefined,
  json: boolean | undefined,
): Promise<void> {
  const [{ examineRebuilt }, { loadManifest }, { endThreads }] = await Promise.all([
    import("../node/rebuild.ts"),
    import("../node/artifacts.ts"),
    import("../prove/snarkjs.ts"),
  ]);
  const unknown = names?.find((name) => !(CIRCUITS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new PlimsollError("USAGE", `expected some of ${CIRCUITS.join(", ")}`, { field: "--size" });
  }
  const { circuits } = names === undefined ? await loadManifest() : { circuits: undefined };
  const wanted = CIRCUITS.filter((name) => names?.includes(name) ?? circuits?.[name] !== undefined);
  const examinations: Examination[] = [];
  try {
    for (const circuit of wanted) {
      throwIfCancelled(signal);
      examinations.push(await examineRebuilt(circuit, progress));
    }
  } finally {
    await endThreads();
  }
  const ok = examinations.every((examination) => examination.ok);
  print(json, { ok, circuits: examinations }, () =>
    examinations
      .flatMap(({ circuit, checks }) =>
        checks.map((each) => `${circuit}: ${each.ok ? "yes" : "NO"}, ${each.what} (${each.detail})`),
      )
      .join("\n"),
  );
  process.exitCode = ok ? EXIT.ok : EXIT.artifacts;
}
