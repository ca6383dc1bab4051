// SPDX-License-Identifier: GPL-3.0-or-later
/** Where this installation is: a clone of the project, which runs its TypeScript, or an installed package of built JavaScript. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

/** How modules of this installation end: `.ts` in a clone, `.js` in an installed package. */
export const EXTENSION = path.extname(import.meta.filename);
export const IN_CLONE = EXTENSION === ".ts";

/** The folder of the package `plimsoll`: `prover/` in a clone. */
export const PACKAGE = path.resolve(import.meta.dirname, "../..");
/** The root of the clone. Means nothing in an installed package. */
export const CLONE = path.dirname(PACKAGE);

export const VERSION: string = JSON.parse(readFileSync(path.join(PACKAGE, "package.json"), "utf8")).version;

/** Where circuits and keys are unless PLIMSOLL_BUILD names another directory: in a clone `build/`, else a directory of the user's. */
export const defaultBuildDirectory = (): string =>
  IN_CLONE ? path.join(CLONE, "build") : path.join(dataHome(), "plimsoll", VERSION);

/** The directory of a user's data, by the rules of the platform. */
function dataHome(): string {
  const { XDG_DATA_HOME, LOCALAPPDATA } = process.env;
  if (XDG_DATA_HOME !== undefined && path.isAbsolute(XDG_DATA_HOME)) return XDG_DATA_HOME;
  if (process.platform === "win32" && LOCALAPPDATA !== undefined) return LOCALAPPDATA;
  return path.join(homedir(), process.platform === "darwin" ? "Library/Application Support" : ".local/share");
}

/** The command that starts this program, for texts that people copy. */
export const COMMAND = IN_CLONE ? `node "${path.join(PACKAGE, "bin/plimsoll.mjs")}"` : "npx plimsoll";

/** The command that makes circuits and development keys. */
export function setupCommand(circuit?: string): string {
  const which = circuit === undefined ? "" : ` ${circuit}`;
  return IN_CLONE ? `npm run setup${which && ` --${which}`}` : `npx plimsoll setup --development${which}`;
}
