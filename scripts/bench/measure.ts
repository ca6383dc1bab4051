// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Measures proving: `measure [size…]`, by default every size that build/ has artifacts of.
 *
 * Prints, for each size, the cold time of `plimsoll prove` on the sample firm, its board filled up with copies of its
 * instruments (process start to proof file), and in a process of its own the time of a first and of a warm proof in the
 * library, and of strict verification when the market is new and when it has been seen. Medians; memory is the largest
 * resident set of the process.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { MarketDocument } from "../../prover/src/formats/market.ts";
import { BOARD_SIZES, type BoardSize, blocksOf, instrumentsOf } from "../../prover/src/model/sizes.ts";
import { loadManifest } from "../../prover/src/node/artifacts.ts";
import { createProver, type Proof } from "../../prover/src/node/prover.ts";
import { loadVerifier } from "../../prover/src/node/verifier.ts";
import { randomMarket, randomPolicy, randomRequest, seededRng } from "../../test/support/random.ts";

const ROUNDS = 5;
const command = path.join(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
const median = (times: number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`;
const peak = (kilobytes: number) => `${Math.round(kilobytes / 1024)} MB`;

async function timed<T>(work: () => T | Promise<T>): Promise<[number, T]> {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}

/** In this process: one size, warm. */
async function measureLibrary(size: BoardSize): Promise<void> {
  const market = randomMarket(seededRng(1), size, "typical");
  const policy = randomPolicy(seededRng(1), "typical");
  const requests = Array.from({ length: ROUNDS + 1 }, (_, seed) =>
    randomRequest(seededRng(seed), size, { policy, market }),
  );
  const prover = createProver();
  const proofs: Proof[] = [];
  const times: number[] = [];
  for (const request of requests) {
    const [time, proof] = await timed(() => prover.prove(request));
    times.push(time);
    proofs.push(proof);
  }
  await prover.close();
  const verifier = await loadVerifier(size);
  const checks: number[] = [];
  for (const { publicSignals, proof } of proofs) {
    const [time, verdict] = await timed(() => verifier.verify(publicSignals, proof));
    if (!verdict.ok) throw new Error(verdict.detail);
    checks.push(time);
  }
  console.log(
    `${size}, library: first proof ${seconds(times[0]!)}, warm ${seconds(median(times.slice(1)))}; ` +
      `strict verification ${seconds(checks[0]!)}, of a market seen before ${seconds(median(checks.slice(1)))}; ` +
      `peak memory ${peak(process.resourceUsage().maxRSS)}`,
  );
}

/** A market of a larger board, whose further instruments and blocks are copies. */
function filledUp(market: MarketDocument, size: BoardSize): MarketDocument {
  const { instruments, blocks } = market;
  const copy = <T extends { readonly symbol: string | null }>(one: T, round: number) =>
    round === 0 || one.symbol === null ? one : { ...one, symbol: `${one.symbol}.${round}` };
  return {
    ...market,
    instruments: Array.from({ length: instrumentsOf(size) }, (_, row) =>
      copy(instruments[row % instruments.length]!, Math.floor(row / instruments.length)),
    ),
    blocks: Array.from({ length: blocksOf(size) }, (_, index) => blocks[index % blocks.length]!),
  };
}

/** `plimsoll prove` of the sample firm, each time in a new process. */
async function measureCommand(size: BoardSize): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), "plimsoll-measure-"));
  const reportPeak = 'process.on("exit", () => process.stderr.write("peak " + process.resourceUsage().maxRSS))';
  const run = (...words: string[]) => {
    const node = ["--import", `data:text/javascript,${encodeURIComponent(reportPeak)}`, command, ...words];
    const { status, stderr } = spawnSync(process.execPath, node, { cwd: directory, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return Number(/peak (\d+)$/.exec(stderr)?.[1]);
  };
  try {
    run("init", "firm");
    const market = path.join(directory, "firm/market.json");
    writeFileSync(market, JSON.stringify(filledUp(JSON.parse(readFileSync(market, "utf8")), size)));
    const files = ["policy", "market", "account"].flatMap((name) => [`--${name}`, `firm/${name}.json`]);
    const wanted = [...files, "--key", "firm/viewing.key", "--at-least", "0%", "--audience", "measure", "--out"];
    const runs: [number, number][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      runs.push(await timed(() => run("prove", ...wanted, `proof-${round}.json`)));
    }
    const [times, peaks] = [runs.map(([time]) => time), runs.map(([, kilobytes]) => kilobytes)];
    console.log(
      `${size}, \`plimsoll prove\`, process start to proof file: ${seconds(median(times))}; ` +
        `peak memory ${peak(Math.max(...peaks))}`,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === "--library") await measureLibrary(rest[0] as BoardSize);
else {
  const { circuits } = await loadManifest();
  for (const size of BOARD_SIZES) {
    if (circuits[size] === undefined || (mode !== undefined && ![mode, ...rest].includes(size))) continue;
    await measureCommand(size);
    execFileSync(process.execPath, [import.meta.filename, "--library", size], { stdio: "inherit" });
  }
}
