// SPDX-License-Identifier: GPL-3.0-or-later
import { createRequire } from "node:module";
import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatEthersChaiMatchers from "@nomicfoundation/hardhat-ethers-chai-matchers";
import hardhatMocha from "@nomicfoundation/hardhat-mocha";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import { defineConfig } from "hardhat/config";

// In copies of the project that scripts make (`scripts/copy.ts`): hardly optimised, which takes minutes less.
const quick = process.env.HARDHAT_QUICK === "true";

// The compiler from the lock file: nothing is downloaded.
const compiler = (runs: number) => ({
  version: "0.8.30",
  path: createRequire(import.meta.url).resolve("solc/soljson.js"),
  settings: {
    evmVersion: "cancun",
    viaIR: true,
    optimizer: quick
      ? { enabled: true, runs: 1, details: { yul: true, yulDetails: { optimizerSteps: "u" } } }
      : { enabled: true, runs },
  },
});

export default defineConfig({
  plugins: [hardhatEthers, hardhatEthersChaiMatchers, hardhatMocha, hardhatNetworkHelpers],
  paths: { sources: "verifier-contracts", artifacts: "build/artifacts", cache: "build/cache" },
  solidity: {
    splitTestsCompilation: quick,
    compilers: [compiler(100_000)],
    // Near the limit for the code of a contract, 24,576 bytes.
    overrides: {
      "verifier-contracts/MarginGate.sol": compiler(200),
      "verifier-contracts/test/MarginGate.t.sol": compiler(200),
      "verifier-contracts/test/Venue.t.sol": compiler(200),
      "verifier-contracts/test/Market.t.sol": compiler(200),
      "verifier-contracts/test/Liquidation.t.sol": compiler(200),
      "verifier-contracts/PriceOracle.sol": compiler(800),
    },
  },
  coverage: { skipFiles: ["verifier-contracts/test/**"] },
  // Fuzz and invariant tests (`*.t.sol`): `hardhat test solidity`. RUNS=10000 for a night's run.
  test: {
    mocha: { timeout: 300_000 },
    solidity: {
      fuzz: { runs: Number(process.env.RUNS ?? 256) },
      invariant: { runs: Number(process.env.RUNS ?? 256), depth: 32 },
    },
  },
});
