// SPDX-License-Identifier: GPL-3.0-or-later
/** Sets up one circuit in a process of its own: compiling, planning and keys take a processor each. */
import { PlimsollError } from "../../errors.ts";
import type { CircuitName } from "../../statement/families.ts";
import { withBuildLock } from "../artifacts.ts";
import { asFileError } from "../files.ts";
import { buildCircuit, buildPlan } from "./circuits.ts";
import { type MadeKey, makeKey } from "./keys.ts";

/** What the process is told, once. */
export interface Task {
  readonly circuit: CircuitName;
  readonly directory: string;
}

/** What it answers. */
export type Message =
  | { readonly kind: "progress"; readonly what: string; readonly done?: number }
  | { readonly kind: "made"; readonly key: MadeKey }
  | { readonly kind: "refused"; readonly error: Pick<PlimsollError, "code" | "rule" | "place"> };

const post = (message: Message) => process.send!(message);

process.once("message", async ({ circuit, directory }: Task) => {
  const report = (what: string, done?: number) =>
    post({ kind: "progress", what, ...(done === undefined ? {} : { done }) });
  const options = { directory, report };
  const work = async () => {
    await buildCircuit(circuit, options);
    await buildPlan(circuit, options);
    return makeKey(circuit, options);
  };
  try {
    // Held here and not by who started this: what is still writing then still has the lock.
    const onWait = () => report("waiting for another set-up of it");
    post({ kind: "made", key: await withBuildLock(circuit, options, work, { onWait }) });
  } catch (thrown) {
    const error = asFileError(thrown);
    if (!(error instanceof PlimsollError)) throw error;
    const { code, rule, place } = error;
    post({ kind: "refused", error: { code, rule, place } });
  }
});
// So that what it has started ends with it.
for (const end of ["disconnect", "SIGTERM"]) process.on(end, () => process.exit(1));
