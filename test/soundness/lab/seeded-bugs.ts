// SPDX-License-Identifier: GPL-3.0-or-later
/** The lab's own test: bugs seeded into the circuits, and which detectors see each. */
import type { Bug } from "../bugs/bug.ts";
import { BUGS } from "../bugs/index.ts";
import { DETECTORS, type Detector, type Finding } from "./attack.ts";
import { MAINS, type Sources, shippedSources } from "./miniature.ts";
import { examine } from "./mutate.ts";

export interface BugResult {
  readonly bug: Bug;
  /** The first finding of each detector that sees it. */
  readonly findings: readonly Finding[];
  /** The compiler's message where the damaged sources do not compile: then nothing was examined. */
  readonly invalid?: string;
}

/** The sources with the bug in them. Throws where an edit does not apply exactly once. */
export function seed(sources: Sources, bug: Pick<Bug, "id" | "edits">): Sources {
  const seeded = new Map(sources);
  for (const { file, find, replace } of bug.edits) {
    const text = seeded.get(file);
    if (text === undefined || text.split(find).length !== 2)
      throw new Error(`${bug.id}: "${find}" must occur once in ${file}`);
    seeded.set(
      file,
      text.replace(find, () => replace),
    );
  }
  return seeded;
}

/** Seeds each bug alone and runs every detector on it. */
export async function seedEach(
  bugs: readonly Bug[] = BUGS,
  { progress }: { progress?: (done: number, total: number) => void } = {},
): Promise<BugResult[]> {
  const sources = shippedSources();
  const results: BugResult[] = [];
  for (const bug of bugs) {
    const { verdict, findings, message } = await examine(
      { sources: seed(sources, bug), main: MAINS.account },
      `build/soundness/seeded-${process.pid}`,
      { all: true },
    );
    results.push({ bug, findings, ...(verdict === "invalid" ? { invalid: message ?? "does not compile" } : {}) });
    progress?.(results.length, bugs.length);
  }
  return results;
}

export const seenBy = ({ findings }: BugResult): Detector[] =>
  DETECTORS.filter((detector) => findings.some((finding) => finding.detector === detector));

/** Bug × detector, as Markdown. */
export function bugTable(results: readonly BugResult[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    row(["bug", "class", ...DETECTORS]),
    row(["---", "---", ...DETECTORS.map(() => ":-:")]),
    ...results.map((result) => {
      const seen = new Set(seenBy(result));
      return row([result.bug.id, result.bug.class, ...DETECTORS.map((detector) => (seen.has(detector) ? "×" : ""))]);
    }),
    row([
      "",
      "caught",
      ...DETECTORS.map((detector) => String(results.filter((result) => seenBy(result).includes(detector)).length)),
    ]),
  ].join("\n");
}
