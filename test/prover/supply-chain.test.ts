// SPDX-License-Identifier: GPL-3.0-or-later
/** What an install may bring and run: every package by its hash, and install scripts from a pinned list alone (W22). */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";

const ROOT = path.resolve(import.meta.dirname, "../..");
const json = (file: string) => JSON.parse(readFileSync(path.join(ROOT, file), "utf8"));

interface Locked {
  readonly version: string;
  readonly link?: boolean;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
}

describe("the supply chain", () => {
  const locked = Object.entries<Locked>(json("package-lock.json").packages).filter(
    ([name, { link }]) => name.includes("node_modules/") && !link,
  );

  it("W22: every package of the lock file, for other systems too, is pinned by its SHA-512", () => {
    expect(locked.length).greaterThan(300);
    expect(locked.filter(([, { integrity }]) => !integrity?.startsWith("sha512-")).map(([name]) => name)).deep.equal(
      [],
    );
  });

  it("W22: no package comes from elsewhere than the registry", () => {
    const elsewhere = locked.filter(
      ([, { resolved }]) => resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/"),
    );
    expect(elsewhere.map(([name]) => name)).deep.equal([]);
  });

  it("W22: a package with an install script is on the list of package.json, which says whether the script may run", () => {
    const { allowScripts } = json("package.json") as { allowScripts: Record<string, boolean> };
    const scripted = locked
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([name]) => name.slice(name.lastIndexOf("node_modules/") + "node_modules/".length));
    expect([...new Set(scripted)].sort()).deep.equal(Object.keys(allowScripts).sort());
  });

  it("W22: versions are exact, so that the lock file is all that decides", () => {
    for (const file of [
      "package.json",
      "prover/package.json",
      "circuits/package.json",
      "verifier-contracts/package.json",
    ]) {
      const { dependencies = {}, devDependencies = {} } = json(file);
      for (const [name, version] of Object.entries<string>({ ...dependencies, ...devDependencies })) {
        expect(version, `${file}: ${name}`).match(/^(npm:[a-z0-9@/-]+@)?\d+\.\d+\.\d+$/);
      }
    }
  });
});
