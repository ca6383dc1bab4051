// SPDX-License-Identifier: GPL-3.0-or-later
/** Ends the threads that snarkjs leaves running, so that a test process ends by itself. For an `after` hook. */
export async function endSnarkjsThreads(): Promise<void> {
  await (globalThis as { curve_bn128?: { terminate(): Promise<void> } | null }).curve_bn128?.terminate();
}
