// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The compiler in a process that ends with the one that started it, however that ends: compiling blocks a thread for minutes, and
 * this is another one. `compiling SCRIPT [word…]`.
 */
import { Worker } from "node:worker_threads";

const [script, ...words] = process.argv.slice(2);
const end = () => process.exit(1);
process.on("disconnect", end);
new Worker(script!, { argv: words }).on("exit", (code) => {
  process.exitCode = code;
  process.off("disconnect", end);
  process.disconnect();
});
