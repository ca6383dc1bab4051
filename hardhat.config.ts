// SPDX-License-Identifier: GPL-3.0-or-later
import { createRequire } from "node:module";
import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatEthersChaiMatchers from "@nomicfoundation/hardhat-ethers-chai-matchers";
import hardhatMocha from "@nomicfoundation/hardhat-mocha";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import { defineConfig } from "hardhat/config";

// `scripts/coverage.ts`: instrumented contracts, built apart from the others and hardly optimised, which takes minutes less.
const coverage = process.env.HARDHAT_COVERAGE === "true";
const output = coverage ? "build/coverage" : "build";

// The compiler from the lock file: nothing is downloaded.
const compiler = (runs: number) => ({
  version: "0.8.30",
  path: createRequire(import.meta.url).resolve("solc/soljson.js"),
  settings: {
    evmVersion: "cancun",
    viaIR: true,
    optimizer: coverage
      ? { enabled: true, runs: 1, details: { yul: true, yulDetails: { optimizerSteps: "u" } } }
      : { enabled: true, runs },
  },
});

export default defineConfig({
  plugins: [hardhatEthers, hardhatEthersChaiMatchers, hardhatMocha, hardhatNetworkHelpers],
  paths: { sources: "verifier-contracts", artifacts: `${output}/artifacts`, cache: `${output}/cache` },
  solidity: {
    splitTestsCompilation: coverage,
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
  // A counted statement writes at the free memory pointer, where Bn254 keeps its operands between statements.
  coverage: { skipFiles: ["verifier-contracts/test/**", "verifier-contracts/libraries/Bn254.sol"] },
  // Fuzz and invariant tests (`*.t.sol`): `hardhat test solidity`. RUNS=10000 for a night's run.
  test: {
    mocha: { timeout: 300_000 },
    solidity: {
      fuzz: { runs: Number(process.env.RUNS ?? 256) },
      invariant: { runs: Number(process.env.RUNS ?? 256), depth: 32 },
    },
  },
});
