// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Proves random accounts on every path of this machine: `every-path [size…] [--accounts <n>] [--seed <n>]`, by default 300, a third
 * of each board of build/.
 *
 * An account's proofs have the same blinding, so all must be the same bytes; the strict verifier accepts them. Exit code 1 where
 * one differs or is refused. Prints a line for each board.
 */
import { randomBytes } from "node:crypto";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { BOARD_SIZES, type BoardSize } from "../../prover/src/model/sizes.ts";
import { loadArtifacts, loadManifest } from "../../prover/src/node/artifacts.ts";
import { loadAddon, nativeBackend, PATHS } from "../../prover/src/node/native.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { nodePlatform } from "../../prover/src/node/wasm.ts";
import type { Backend, Circuit } from "../../prover/src/prove/backend.ts";
import { wasmBackend } from "../../prover/src/prove/wasm.ts";
import { buildStatement } from "../../prover/src/statement/account.ts";
import { randomRequest, seededRng } from "../../test/support/random.ts";

/** Every path by name, each with the blinding that it is handed. */
function backends(blinding: () => Uint8Array): Map<string, Backend> {
  const native = PATHS.flatMap((arithmetic) => {
    const state = loadAddon(arithmetic);
    return state.addon === undefined ? [] : [[arithmetic, nativeBackend(state, { blinding })] as const];
  });
  return new Map([...native, ["wasm", wasmBackend(nodePlatform(), { blinding })]]);
}

/** Below the order, as is each half of it. */
const randomScalars = () => Uint8Array.from(randomBytes(64), (byte, at) => (at % 32 === 31 ? byte & 0x1f : byte));

/** Throws at the first proof that differs between paths or that the strict verifier refuses. Returns the paths' names. */
export async function proveOnEveryPath(size: BoardSize, accounts: number, seed: number): Promise<string[]> {
  let scalars = randomScalars();
  const provers = backends(() => scalars.slice());
  try {
    const circuits = new Map<string, Circuit>();
    for (const [name, backend] of provers) circuits.set(name, await backend.open(await loadArtifacts(size)));
    const verifier = await loadVerifier(size);
    for (let account = 0; account < accounts; account++) {
      const { circuitInput, hints, publicSignals } = buildStatement(randomRequest(seededRng(seed + account), size));
      scalars = randomScalars();
      const proofs = new Map<string, unknown>();
      for (const [name, circuit] of circuits) {
        proofs.set(name, await circuit.prove(await circuit.witness({ circuitInput, hints })));
      }
      const [first] = proofs.values();
      for (const [name, proof] of proofs) {
        const where = `${size}, seed ${seed + account}, ${name}`;
        if (JSON.stringify(proof) !== JSON.stringify(first)) throw new Error(`${where}: another proof`);
      }
      const verdict = verifier.verify(publicSignals.map(String), first);
      if (!verdict.ok) throw new Error(`${size}, seed ${seed + account}: ${verdict.detail}`);
    }
    return [...circuits.keys()];
  } finally {
    for (const backend of provers.values()) await backend.close();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { accounts: { type: "string", default: "300" }, seed: { type: "string", default: "1" } },
  });
  const { circuits } = await loadManifest();
  const sizes = BOARD_SIZES.filter(
    (size) => circuits[size] !== undefined && (positionals.length === 0 || positionals.includes(size)),
  );
  for (const size of sizes) {
    const accounts = Math.ceil(Number(values.accounts) / sizes.length);
    const names = await proveOnEveryPath(size, accounts, Number(values.seed));
    console.log(
      `${size}: ${accounts} accounts, the same proof by ${names.join(", ")}, accepted by the strict verifier`,
    );
  }
}
