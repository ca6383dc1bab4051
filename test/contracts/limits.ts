// SPDX-License-Identifier: GPL-3.0-or-later

/** Of every transaction; instrumented contracts (`scripts/coverage.ts`) need more than a block has. */
export const GAS_LIMIT = process.env.HARDHAT_COVERAGE === "true" ? 1_000_000_000n : 16_000_000n;
