// SPDX-License-Identifier: GPL-3.0-or-later
/** Work of one question and one answer in a process of its own, so that several run at once. */
import { fork } from "node:child_process";

/** What a script of this folder that calls `answer` says to this. Rejects where it ends without an answer; what it prints is shown. */
export function ask<Answer>(script: string, question: unknown): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const child = fork(new URL(script, import.meta.url), { serialization: "advanced" });
  child.once("message", (answer) => resolve(answer as Answer)).once("error", reject);
  child.once("exit", (code) => reject(new Error(`${script} ended with code ${code} and no answer`)));
  child.send(question as object);
  return promise;
}

/** Answers the one question that the process was started for, and ends it. */
export function answer<Question, Answer>(work: (question: Question) => Answer | Promise<Answer>): void {
  process.once("message", async (question) => {
    process.send!(await work(question as Question), () => process.exit());
  });
}
