// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Mocha's usual report, and after it each test that was left out with its reason, and the files that took longest. Where the
 * environment's TEST_SUMMARY names a file, the outcome is written to it for `.ci/run`.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import Mocha, { type Hook, type MochaOptions, type Runner, type Test } from "mocha";
import { MARK, MAY_LACK } from "./skip.ts";

const { EVENT_HOOK_END, EVENT_RUN_END, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } = Mocha.Runner.constants;
const SHOWN_FILES = 10;

class Report extends Mocha.reporters.Spec {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    const seconds = new Map<string, number>();
    const leftOut: { title: string; reason: string; allowed: boolean }[] = [];
    const add = ({ file, duration = 0 }: Test | Hook) => {
      if (file !== undefined) seconds.set(file, (seconds.get(file) ?? 0) + duration / 1000);
    };
    for (const event of [EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_HOOK_END]) runner.on(event, add);
    runner.on(EVENT_TEST_PENDING, (test: Test) => {
      const [title, reason = "no reason]"] = test.fullTitle().split(MARK);
      const why = reason.slice(0, -1);
      leftOut.push({ title: title!, reason: why, allowed: (MAY_LACK as readonly string[]).includes(why) });
    });
    runner.once(EVENT_RUN_END, () => {
      const slowest = [...seconds].toSorted(([, left], [, right]) => right - left).slice(0, SHOWN_FILES);
      console.log("  slowest files, tests and hooks together:");
      for (const [file, time] of slowest) {
        console.log(`    ${time.toFixed(1).padStart(6)} s  ${path.relative(process.cwd(), file)}`);
      }
      if (leftOut.length !== 0) console.log("\n  left out:");
      for (const { title, reason, allowed } of leftOut) console.log(`  ${allowed ? " " : "!"} ${reason}: ${title}`);
      console.log();
      const { passes: passed = 0, failures: failed = 0, pending: skipped = 0 } = this.stats ?? {};
      const refused = leftOut.filter(({ allowed }) => !allowed).length;
      if (process.env.TEST_SUMMARY) {
        writeFileSync(process.env.TEST_SUMMARY, JSON.stringify({ passed, failed, skipped, refused }));
      }
    });
  }
}

export { Report as "module.exports" };
