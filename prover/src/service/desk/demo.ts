// SPDX-License-Identifier: GPL-3.0-or-later
/** A desk to look at: three invented accounts in a market that moves, five minutes of it every two seconds. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { newViewingKey, type StateDocument } from "../../formats/account.ts";
import { formatJson } from "../../formats/json.ts";
import { timeText, unixTime } from "../../formats/time.ts";
import { PRIVATE, writeResult, writeSecret } from "../../node/files.ts";
import { newSigningKey } from "../../pack/typed-data.ts";
import { buildMarket, shock } from "../../risk/board/board.ts";
import { sampleFirm } from "../../risk/board/sample.ts";
import { makeToken } from "./access.ts";
import { DESK_FORMAT, type DeskDocument, readDeskConfig } from "./config.ts";
import { type DeskProcess, runDesk } from "./run.ts";

const TICK = 2_000;
const EPOCH_SECONDS = 300;
/** Epochs in which the market goes down and up again once. */
const CYCLE = 150;
const SEED = 7;
const PAST_DAYS = 400;

/** Runs the demo until the signal is raised, in a directory that it removes. `onOpen` is told where, and the token to sign in with. */
export async function runDemo(
  process: Omit<DeskProcess, "onOpen" | "clock"> & {
    readonly port: number;
    readonly onOpen: (url: string, token: string) => void;
  },
): Promise<void> {
  const { signal, port, onOpen } = process;
  const directory = await mkdtemp(path.join(tmpdir(), "plimsoll-desk-"));
  try {
    const firm = sampleFirm();
    const start = unixTime(firm.market.time);
    const market = movingMarket(directory);
    await writeFiles(directory);
    await market.next();
    const token = await makeToken(path.join(directory, "tokens.json"), "you", "approver");
    const config = path.join(directory, "desk.json");
    await writeResult(config, formatJson(configuration(port)));
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    const ticking = tick(market, both);
    try {
      await runDesk(readDeskConfig(await process.inputs.text(config)), {
        ...process,
        // As fast as the market's.
        clock: () => (start + market.epochs() * EPOCH_SECONDS) * 1000,
        onOpen: (url) => onOpen(url, token),
      });
    } finally {
      ended.abort();
      await ticking;
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function tick(market: ReturnType<typeof movingMarket>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(TICK, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await market.next();
  }
}

/** Prices that swing, with noise; the same every time. */
function movingMarket(directory: string) {
  const { marketInput } = sampleFirm();
  const random = xoroshiro128plus(SEED);
  const noise = { BTC: 0, ETH: 0 };
  const past = inventedPast();
  let epochs = 0;
  return {
    epochs: () => epochs,
    async next(): Promise<void> {
      if ((epochs * EPOCH_SECONDS) % 86_400 === 0) await past.write(directory, (epochs * EPOCH_SECONDS) / 86_400);
      epochs += 1;
      const swing = 0.16 * (Math.cos((2 * Math.PI * epochs) / CYCLE) - 1);
      const step = () => 0.012 * (uniformFloat64(random) - 0.5);
      noise.BTC = 0.97 * noise.BTC + step();
      noise.ETH = 0.97 * noise.ETH + step();
      const moves = { BTC: swing + noise.BTC, ETH: 1.1 * swing + noise.ETH };
      const shocked = shock(marketInput, moves, -0.6 * swing);
      const time = timeText(new Date((unixTime(marketInput.observation.time) + epochs * EPOCH_SECONDS) * 1000));
      const epoch = (BigInt(marketInput.observation.epoch) + BigInt(epochs)).toString();
      const input = { ...shocked, observation: { ...shocked.observation, epoch, time } };
      await writeResult(path.join(directory, "market-input.json"), formatJson(input));
      await writeResult(path.join(directory, "market.json"), formatJson(buildMarket(input)));
    },
  };
}

/** Daily closes of a year and more, to the day before the market's: they end at its first prices. */
function inventedPast() {
  const { observation } = sampleFirm().marketInput;
  const random = xoroshiro128plus(SEED + 1);
  const first = Date.parse(observation.time.slice(0, 10));
  const deviation = { BTC: 0.022, ETH: 0.028 };
  const paths = (["BTC", "ETH"] as const).map((name) => {
    let price = Number(observation.underlyings[name]!.spot);
    // The sum of four uniform numbers is nearly normal.
    const moves = Array.from({ length: PAST_DAYS }, () => {
      const sum = uniformFloat64(random) + uniformFloat64(random) + uniformFloat64(random) + uniformFloat64(random);
      return Math.sqrt(3) * deviation[name] * (sum - 2);
    });
    const closes = moves.map((move) => {
      const close = price;
      price *= Math.exp(move);
      return close;
    });
    return { name, closes: closes.toReversed(), moves };
  });
  return {
    /** As they are after so many days of the demo, whose closes repeat the moves of the past. */
    async write(directory: string, days: number): Promise<void> {
      for (const { name, closes, moves } of paths) {
        while (closes.length < PAST_DAYS + days)
          closes.push(closes.at(-1)! * Math.exp(moves[closes.length % PAST_DAYS]!));
        const lines = closes.map((close, index) => {
          const day = new Date(first + (index - PAST_DAYS) * 86_400_000).toISOString().slice(0, 10);
          return `${day},${close.toFixed(2)}`;
        });
        await writeResult(path.join(directory, `${name}-USD.csv`), ["date,close", ...lines, ""].join("\n"));
      }
    },
  };
}

async function writeFiles(directory: string): Promise<void> {
  const { policy, atlas } = sampleFirm();
  await writeResult(path.join(directory, "policy.json"), formatJson(policy));
  const accounts: readonly StateDocument[] = [
    atlas,
    {
      ...atlas,
      account: "boreas",
      cash: "-6749000",
      collateral: { USDT: "900000" },
      positions: { "BTC-PERP": "60", "ETH-PERP": "900" },
    },
    {
      ...atlas,
      account: "cetus",
      cash: "3956000",
      collateral: { BTC: "4" },
      positions: { "BTC-PERP": "-40", "ETH-PERP": "400" },
    },
  ];
  await writeSecret(path.join(directory, "firm.key"), newSigningKey());
  for (const account of accounts) {
    await writeResult(path.join(directory, `${account.account}.json`), formatJson(account), PRIVATE);
    await writeSecret(path.join(directory, `${account.account}.key`), newViewingKey());
  }
}

const configuration = (port: number): DeskDocument => ({
  format: DESK_FORMAT,
  name: "Demo desk",
  listen: { host: "127.0.0.1", port },
  store: "desk.sqlite",
  tokens: "tokens.json",
  proofs: "proofs",
  epochs: { from: "files", policy: "policy.json", market: "market.json", input: "market-input.json" },
  epochSeconds: EPOCH_SECONDS,
  accounts: ["atlas", "boreas", "cetus"].map((name) => ({ file: `${name}.json`, key: `${name}.key` })),
  nearBps: 1000,
  forecast: { prices: ["BTC-USD.csv", "ETH-USD.csv"], hours: 24, everySeconds: 900, alertPercent: 10 },
  rules: [
    {
      kind: "prove",
      name: "daily proof",
      accounts: ["atlas"],
      atLeast: "call",
      audience: "the risk committee of Atlas",
      when: "every day",
      approval: true,
    },
    {
      kind: "pack",
      name: "morning pack",
      accounts: ["cetus"],
      atLeast: "closeOut",
      audience: "the auditor of Cetus",
      every: "day",
      at: "08:10",
      firm: "Cetus Trading",
      question: "Is the account above its close-out level?",
      key: "firm.key",
      approval: false,
    },
  ],
  webhooks: [],
  keepDays: 40,
});
