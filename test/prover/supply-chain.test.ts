// SPDX-License-Identifier: GPL-3.0-or-later
/** What an install may bring and run: every package by its hash, and install scripts from a pinned list alone (W22). */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { makeSbom } from "../../scripts/sbom.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const json = (file: string) => JSON.parse(readFileSync(path.join(ROOT, file), "utf8"));

interface Locked {
  readonly version: string;
  readonly link?: boolean;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
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

  it("W22: the release's bill of materials has what an installation brings, by the lock file's hashes, and nothing else", () => {
    const packages: Record<string, Locked> = json("package-lock.json").packages;
    /** Where a package finds another: in its own folder of modules, else in that of the one that it is in. */
    const found = (from: string, name: string): string | undefined => {
      for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf("/node_modules/"), 0))) {
        const place = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
        if (packages[place] !== undefined) return packages[place].link ? packages[place].resolved : place;
        if (folder === "") return undefined;
      }
    };
    const installed = new Set(["prover"]);
    for (const place of installed) {
      const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta = {} } = packages[place]!;
      for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
        const needed = found(place, name);
        if (needed !== undefined) installed.add(needed);
        else expect(Boolean(optionalDependencies?.[name] ?? peerDependenciesMeta[name]?.optional), name).equal(true);
      }
    }
    const named = (place: string) => place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
    const workspaces = ["circuits", "verifier-contracts"];
    const expected = [...installed]
      .filter((place) => place !== "prover")
      .map((place) =>
        workspaces.includes(place) ? json(`${place}/package.json`) : { ...packages[place], name: named(place) },
      )
      .map(
        ({ name, version, integrity = "" }) =>
          `${name}@${version} ${Buffer.from(integrity.slice(7), "base64").toString("hex")}`,
      );

    const sbom = makeSbom();
    const { bomFormat, metadata, components } = sbom;
    expect([bomFormat, metadata.component["bom-ref"]]).deep.equal(["CycloneDX", "plimsoll@0.1.0"]);
    const listed = components.map(
      ({ "bom-ref": ref, hashes }) => `${ref} ${hashes?.find(({ alg }) => alg === "SHA-512")?.content ?? ""}`,
    );
    expect(listed.toSorted()).deep.equal([...new Set(expected)].toSorted());
    expect(listed.some((line) => line.startsWith("ethers@"))).equal(true);
    expect(listed.some((line) => /^(hardhat|typescript|mocha)@/.test(line))).equal(false);
    expect(makeSbom(), "once more").deep.equal(sbom);
  });
});
