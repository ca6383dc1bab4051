// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Runs docs/portfolio.md: a firm with three attested accounts proves one statement about their sum, with real proofs.
 *
 * The page is the script: its commands run one after another in a new build/portfolio, each shown before what it prints.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = path.resolve(import.meta.dirname, "..");

/** The commands of the page, with another folder in place of build/portfolio. */
export function portfolioCommands(folder: string): string {
  const page = readFileSync(path.join(ROOT, "docs/portfolio.md"), "utf8");
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands!);
  return `shopt -s expand_aliases\n${blocks.join("\n")}`.replaceAll("build/portfolio", folder);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const build = path.join(ROOT, "build");
  const commands = path.join(build, "portfolio.sh");
  mkdirSync(build, { recursive: true });
  rmSync(path.join(build, "portfolio"), { recursive: true, force: true });
  writeFileSync(commands, portfolioCommands("build/portfolio"));
  try {
    const { status } = spawnSync("bash", ["-ev", commands], { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
    process.exitCode = status ?? 1;
  } finally {
    rmSync(commands);
  }
}
