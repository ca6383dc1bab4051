// SPDX-License-Identifier: GPL-3.0-or-later
/** The packages as their users have them: packed, installed in an empty folder outside the clone, and used there. */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { build } from "esbuild";
import { PAGES } from "../../prover/src/node/pages.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BIN = path.join(ROOT, "node_modules/.bin");
const NODE_22 = "22.23.3";
const ENTRIES = ["plimsoll", "plimsoll/verifier", "plimsoll/chain", "plimsoll/oracle", "plimsoll/risk"];
const run = promisify(execFile);
const moduleOf = (name: string) => createRequire(import.meta.url).resolve(name);

/** The program about proofs that the documents show. */
const [, PROGRAM] = readFileSync(path.join(ROOT, "docs/library.md"), "utf8").match(
  /^## Proofs\n\n```ts run\n(.*?)^```$/ms,
)!;

const CONTRACT = `// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarginGate} from "@plimsoll/contracts/interfaces/IMarginGate.sol";
import {Vault} from "@plimsoll/contracts/libraries/Vault.sol";
import {VerifierRouter} from "@plimsoll/contracts/verify/VerifierRouter.sol";

contract Treasury {
    IMarginGate public immutable gate;
    VerifierRouter public immutable router;

    constructor(IMarginGate gate_, VerifierRouter router_) {
        gate = gate_;
        router = router_;
    }
}
`;

// Compiled in seconds: nobody deploys this.
const HARDHAT_CONFIG = `
import { defineConfig } from "hardhat/config";
const details = { yul: true, yulDetails: { optimizerSteps: "u" } };
const settings = { evmVersion: "cancun", viaIR: true, optimizer: { enabled: true, runs: 1, details } };
export default defineConfig({ solidity: { version: "0.8.30", path: process.env.SOLC, settings } });
`;

describe("the packages", function () {
  this.timeout(600_000);
  let folder: string;
  let environment: NodeJS.ProcessEnv;
  const at = (...names: string[]) => path.join(folder, ...names);
  /** Runs a program in the user's folder; Node of this version comes first. */
  const user = (version: 22 | 24, command: string, ...words: string[]) => {
    const node = version === 22 ? at("node22/node_modules/node/bin") : path.dirname(process.execPath);
    return run(command, words, {
      cwd: at("user"),
      maxBuffer: 1 << 24,
      env: { ...environment, PATH: `${node}${path.delimiter}${environment.PATH}` },
    });
  };
  const npx = (version: 22 | 24, ...words: string[]) => user(version, "npx", "--no-install", "plimsoll", ...words);

  before(async () => {
    folder = realpathSync(mkdtempSync(path.join(tmpdir(), "plimsoll-packages-")));
    const { PLIMSOLL_BUILD: _, PLIMSOLL_BACKEND: _backend, NODE_OPTIONS: _options, ...inherited } = process.env;
    environment = {
      ...inherited,
      PATH: `${BIN}${path.delimiter}${inherited.PATH}`,
      XDG_DATA_HOME: at("data"),
      XDG_CACHE_HOME: at("cache"),
    };
    for (const name of ["packs", "user", "node22"]) mkdirSync(at(name));
    // The packing builds what is packed.
    const npm = (directory: string, ...words: string[]) => run("npm", words, { cwd: directory, env: environment });
    const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--silent"];
    writeFileSync(at("user/package.json"), '{ "private": true, "type": "module" }');
    writeFileSync(at("node22/package.json"), '{ "private": true }');
    const install = async () => {
      await npm(ROOT, "pack", "--workspaces", "--silent", "--pack-destination", at("packs"));
      await npm(at("user"), "install", ...quiet, ...readdirSync(at("packs")).map((name) => at("packs", name)));
    };
    await Promise.all([install(), npm(at("node22"), "install", ...quiet, `node@${NODE_22}`)]);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("U13: hold what a user needs and no source of the prover, no test and no path of this machine", () => {
    const installed = (name: string) =>
      readdirSync(at("user/node_modules", name), { recursive: true, encoding: "utf8" });
    const prover = installed("plimsoll");
    expect(prover).include.members([
      "dist/index.js",
      "dist/index.d.ts",
      "native/wasm/plimsoll.wasm",
      "dist/pages/prove.html",
      "dist/sbom.cdx.json",
      "README.md",
      "LICENSE",
    ]);
    expect(prover.filter((name) => /(?<!\.d)\.ts$|^src|\.(cc|h)$/.test(name))).deep.equal([]);
    expect(installed("@plimsoll/contracts")).include.members([
      "gate/MarginGate.sol",
      "release/MarginGate.json",
      "README.md",
    ]);
    expect(installed("@plimsoll/contracts").filter((name) => name.startsWith("test"))).deep.equal([]);
    expect(installed("@plimsoll/circuits")).include.members(["account.circom", "sizes.json", "identities.json"]);
    for (const name of prover.filter((each) => /\.(js|mjs|html)$/.test(each))) {
      expect(readFileSync(at("user/node_modules/plimsoll", name), "utf8").includes(ROOT), name).equal(false);
    }
    for (const name of ["hardhat", "typescript", "esbuild", "mocha", "solc"]) {
      expect(readdirSync(at("user/node_modules"))).not.include(name);
    }
  });

  for (const version of [22, 24] as const) {
    it(`U13: are imported, and required, by Node ${version}`, async () => {
      const names = (load: string) => `console.log(JSON.stringify([${ENTRIES.map((each) => `${load}("${each}")`)}]
        .map((entry) => Object.keys(entry).filter((name) => name !== "__esModule").sort())))`;
      writeFileSync(at("user/imports.mjs"), names("await import"));
      writeFileSync(at("user/requires.cjs"), names("require"));
      const imported = await user(version, "node", "imports.mjs");
      const required = await user(version, "node", "requires.cjs");
      expect(imported.stderr + required.stderr).equal("");
      expect(required.stdout).equal(imported.stdout);
      const [first] = JSON.parse(imported.stdout) as string[][];
      expect(first).include.members(["readPolicy", "createProver", "proveEnvelope", "verifyEnvelope"]);
    });
  }

  it("U13: npx plimsoll: from an empty folder to a verdict, on Node 22 and on Node 24", async () => {
    expect((await npx(22, "--version")).stdout).match(/^\d+\.\d+\.\d+\n$/);
    await npx(22, "init", "firm");
    const market = ["--policy", "firm/policy.json", "--market", "firm/market.json"];
    const account = [...market, "--account", "firm/account.json"];
    const claim = ["--at-least", "initial", "--audience", "request 1"];
    const early = await npx(22, "prove", ...account, "--key", "firm/viewing.key", ...claim).catch((error) => error);
    expect(early.code).equal(3);
    expect(early.stderr).contain("`npx plimsoll setup --development");

    const { stderr, stdout } = await npx(22, "setup", "--development", "board-60");
    expect(stdout).contain(at("data/plimsoll")).and.contain("their maker can forge proofs");
    const seconds = [...stderr.matchAll(/^ *(\d+) s {2}board-60: /gm)].map(([, second]) => Number(second));
    expect(seconds.length).greaterThan(2);
    for (const [index, second] of seconds.entries()) expect(second - (seconds[index - 1] ?? 0)).most(5);

    expect((await npx(22, "value", ...account)).stdout).match(/^coverage +226\.42%$/m);
    for (const [proving, verifying] of [[22, 24] as const, [24, 22] as const]) {
      const out = `proof-${proving}.json`;
      await npx(proving, "prove", ...account, "--key", "firm/viewing.key", ...claim, "--out", out);
      const verdict = await npx(verifying, "verify", out, ...market, ...claim);
      expect(verdict.stdout)
        .match(/covers its maintenance margin at least 1\.5 times/)
        .and.contain("TEST ONLY (DEVELOPMENT_KEY)");
    }
    const doctor = await npx(24, "doctor");
    expect(doctor.stdout)
      .contain("prover: wasm, prebuilt")
      .and.match(/usable\n$/);
  });

  it("U13: a user's program passes the type checks, as nodenext and as bundler, and runs", async () => {
    writeFileSync(at("user/firm/program.ts"), PROGRAM!);
    const uses = ENTRIES.slice(1).map(
      (entry, index) => `import * as entry${index} from "${entry}";\nvoid entry${index};`,
    );
    writeFileSync(at("user/entries.ts"), uses.join("\n"));
    writeFileSync(
      at("user/require.cts"),
      'import plimsoll = require("plimsoll");\nplimsoll.instrumentsOf("board-60");\n',
    );
    const common = ["--noEmit", "--strict", "--target", "es2023", "--types", "node"];
    const tsc = (module: string, resolution: string, ...files: string[]) =>
      user(
        24,
        "node",
        moduleOf("typescript/bin/tsc"),
        ...common,
        "--module",
        module,
        "--moduleResolution",
        resolution,
        ...files,
      )
        .then(({ stdout }) => stdout)
        .catch(({ stdout }) => stdout);
    expect(await tsc("esnext", "bundler", "firm/program.ts", "entries.ts")).equal("");
    // With one line that is wrong, so that types that say nothing are noticed.
    writeFileSync(at("user/wrong.ts"), 'import { readPolicy } from "plimsoll";\nreadPolicy(1, 2);\n');
    const found = await tsc("nodenext", "nodenext", "firm/program.ts", "entries.ts", "require.cts", "wrong.ts");
    expect(found).match(/^wrong\.ts\(2,12\): error TS2345: .*\n$/);

    writeFileSync(at("user/run.sh"), "cd firm && exec node program.ts\n");
    const { stdout } = await user(24, "sh", "run.sh");
    expect(stdout).contain("covers its maintenance margin at least 1.2 times");
  });

  it("U13: a contract that imports @plimsoll/contracts compiles with Hardhat", async () => {
    mkdirSync(at("user/contracts"));
    writeFileSync(at("user/contracts/Treasury.sol"), CONTRACT);
    writeFileSync(at("user/hardhat.config.ts"), HARDHAT_CONFIG);
    symlinkSync(path.dirname(moduleOf("hardhat/package.json")), at("user/node_modules/hardhat"));
    environment.SOLC = moduleOf("solc/soljson.js");
    await user(24, "node", path.join(path.dirname(moduleOf("hardhat/package.json")), "dist/src/cli.js"), "build");
    const artifact = JSON.parse(readFileSync(at("user/artifacts/contracts/Treasury.sol/Treasury.json"), "utf8"));
    expect(artifact.abi.map(({ name }: { name?: string }) => name)).include.members(["gate", "router"]);
    expect(artifact.bytecode).match(/^0x[0-9a-f]{100,}$/);
  });

  it("U13: every import of a contract of @plimsoll/contracts is in the packages", () => {
    const contracts = at("user/node_modules/@plimsoll/contracts");
    const sources = readdirSync(contracts, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".sol"),
    );
    expect(sources).include("gate/MarginGate.sol");
    let imports = 0;
    for (const name of sources) {
      const file = path.join(contracts, name);
      for (const [, imported] of readFileSync(file, "utf8").matchAll(/^import [^"';]*"([^"]+)";/gm)) {
        const found = imported!.startsWith(".")
          ? path.resolve(file, "..", imported!)
          : at("user/node_modules", imported!);
        expect(existsSync(found), `${name}: ${imported}`).equal(true);
        imports++;
      }
    }
    expect(imports).above(50);
  });

  it("U13: plimsoll/verifier is at most 375 kB in a browser, all of it, and needs nothing of Node", async () => {
    writeFileSync(at("user/page.js"), 'export * from "plimsoll/verifier";\n');
    const { outputFiles } = await build({
      entryPoints: [at("user/page.js")],
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
      platform: "browser",
    });
    const { length } = outputFiles[0]!.contents;
    expect(length).greaterThan(50_000).and.most(375_000);
  });

  it("U13: plimsoll pages writes the pages that were built with the package", async () => {
    const { stdout } = await npx(22, "pages", "--out", "pages", "--json");
    const pages = JSON.parse(stdout) as { file: string; sha256: string }[];
    expect(pages.map(({ file }) => file)).members(Object.keys(PAGES).map((name) => `pages/${name}`));
    for (const { file, sha256 } of pages) {
      const bytes = readFileSync(at("user", file));
      expect(Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex")).equal(sha256);
      expect(bytes.toString("utf8")).match(/^<!doctype html>/i);
    }
  });
});
