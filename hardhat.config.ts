// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Hardhat is the chain of tests and demonstrations, and runs Solidity's own tests (`hardhat test solidity`, RUNS=10000 for a
 * night's run). Contracts are compiled by `scripts/build-contracts.ts`: Hardhat reads those, and compiles nothing but the tests in
 * verifier-contracts/test, which deploy the release.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatEthersChaiMatchers from "@nomicfoundation/hardhat-ethers-chai-matchers";
import hardhatMocha from "@nomicfoundation/hardhat-mocha";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import { defineConfig } from "hardhat/config";
import type { HardhatPlugin } from "hardhat/types/plugins";
import { artifactFile, TABLE } from "./scripts/build-contracts.ts";

const TESTS = "verifier-contracts/test";

const plugin: HardhatPlugin = {
  id: "built-contracts",
  hookHandlers: {
    hre: async () => ({
      default: async () => ({
        created: async (_context, { artifacts }) => {
          artifacts.readArtifact = async (name: string) => JSON.parse(await readFile(artifactFile(name), "utf8"));
          artifacts.getAllBuildInfoIds = async () => new Set(); // for traces of what Hardhat compiled
        },
      }),
    }),
    // Hardhat asks for code of all that its tests import.
    solidity: async () => ({
      default: async () => ({
        preprocessSolcInputBeforeBuilding: (context, input, next) => {
          const { "*": all = {} } = input.settings.outputSelection;
          const wanted = Object.keys(input.sources).filter((name) => name.includes(`${TESTS}/`));
          const outputSelection = Object.fromEntries(wanted.map((name) => [name, { "*": all["*"]! }]));
          return next(context, { ...input, settings: { ...input.settings, outputSelection } });
        },
      }),
    }),
  },
};

export default defineConfig({
  plugins: [hardhatEthers, hardhatEthersChaiMatchers, hardhatMocha, hardhatNetworkHelpers, plugin],
  paths: { sources: TESTS, artifacts: "build/hardhat", cache: "build/hardhat-cache" },
  solidity: {
    version: TABLE.compiler,
    path: createRequire(import.meta.url).resolve("solc/soljson.js"),
    settings: { evmVersion: TABLE.settings.evmVersion },
  },
  test: {
    mocha: { timeout: 300_000 },
    solidity: {
      fsPermissions: { readDirectory: [path.join(import.meta.dirname, "verifier-contracts/release")] },
      fuzz: { runs: Number(process.env.RUNS ?? 256) },
      invariant: { runs: Number(process.env.RUNS ?? 256), depth: 32 },
    },
  },
});
