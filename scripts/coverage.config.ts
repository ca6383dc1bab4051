// SPDX-License-Identifier: GPL-3.0-or-later
/** Hardhat's configuration where coverage is counted: it compiles all contracts itself, instrumented and hardly optimised. */
import { createRequire } from "node:module";
import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatEthersChaiMatchers from "@nomicfoundation/hardhat-ethers-chai-matchers";
import hardhatMocha from "@nomicfoundation/hardhat-mocha";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import { defineConfig } from "hardhat/config";
import { TABLE } from "./build-contracts.ts";

export default defineConfig({
  plugins: [hardhatEthers, hardhatEthersChaiMatchers, hardhatMocha, hardhatNetworkHelpers],
  paths: { sources: "verifier-contracts", artifacts: "build/artifacts", cache: "build/cache" },
  solidity: {
    splitTestsCompilation: true,
    version: TABLE.compiler,
    path: createRequire(import.meta.url).resolve("solc/soljson.js"),
    settings: {
      ...TABLE.settings,
      optimizer: { enabled: true, runs: 1, details: { yul: true, yulDetails: { optimizerSteps: "u" } } },
    },
  },
  coverage: { skipFiles: ["verifier-contracts/test/**"] },
  test: { mocha: { timeout: 300_000 } },
});
