// SPDX-License-Identifier: GPL-3.0-or-later
import { createRequire } from "node:module";
import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatEthersChaiMatchers from "@nomicfoundation/hardhat-ethers-chai-matchers";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import { defineConfig } from "hardhat/config";

export default defineConfig({
  plugins: [hardhatEthers, hardhatEthersChaiMatchers, hardhatNetworkHelpers],
  paths: { sources: "verifier-contracts", artifacts: "build/artifacts", cache: "build/cache" },
  solidity: {
    compilers: [
      {
        version: "0.8.30",
        // The compiler from the lock file: nothing is downloaded.
        path: createRequire(import.meta.url).resolve("solc/soljson.js"),
        settings: { evmVersion: "cancun", viaIR: true, optimizer: { enabled: true, runs: 100_000 } },
      },
    ],
  },
});
