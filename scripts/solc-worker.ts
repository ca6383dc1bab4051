// SPDX-License-Identifier: GPL-3.0-or-later
/** Asked with standard JSON, the Solidity compiler of the lock file. */
import { createRequire } from "node:module";
import { answer } from "./beside.ts";

const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
answer((input: string) => solc.compile(input));
