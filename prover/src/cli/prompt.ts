// SPDX-License-Identifier: GPL-3.0-or-later
/** What a person is asked at a terminal. Questions go to stderr. */
import { createInterface } from "node:readline/promises";
import { PlimsollError } from "../errors.ts";

export const isInteractive = (): boolean => process.stdin.isTTY === true;

/** A line that is not shown as it is typed. Throws `CANCELLED` for Ctrl-C. */
export async function hiddenLine(question: string): Promise<string> {
  const { stdin } = process;
  process.stderr.write(question);
  stdin.setRawMode(true);
  let text = "";
  try {
    for await (const chunk of stdin as AsyncIterable<Uint8Array>) {
      text += new TextDecoder().decode(chunk);
      if (text.includes("\u0003")) throw new PlimsollError("CANCELLED", "nothing has been done");
      const end = text.search(/[\r\n]/);
      if (end >= 0) return text.slice(0, end);
    }
    return text;
  } finally {
    stdin.setRawMode(false);
    process.stderr.write("\n");
  }
}

/** Whether a person answers yes, in full. */
export async function isAgreed(question: string, signal: AbortSignal): Promise<boolean> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await asking.question(question, { signal })).trim().toLowerCase() === "yes";
  } finally {
    asking.close();
  }
}
