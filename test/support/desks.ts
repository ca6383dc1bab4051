// SPDX-License-Identifier: GPL-3.0-or-later
/** A desk on the sample firm's files, in a folder of its own. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { newViewingKey, type StateDocument } from "../../prover/src/formats/account.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { timeText, unixTime } from "../../prover/src/formats/time.ts";
import { Inputs } from "../../prover/src/node/files.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { buildMarket, type PriceMoves, shock } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { DESK_FORMAT, type DeskDocument, readDeskConfig } from "../../prover/src/service/desk/config.ts";
import { Desk, type DeskMachine } from "../../prover/src/service/desk/desk.ts";
import { Store } from "../../prover/src/service/desk/store.ts";
import { courierOf } from "../../prover/src/service/desk/webhooks.ts";
import { seededRng } from "./random.ts";

export const EPOCH = 300;

/** Files of a desk, and what a test does to them. */
export class DeskFolder {
  readonly directory = mkdtempSync(path.join(tmpdir(), "plimsoll-desk-test-"));
  readonly firm = sampleFirm();
  readonly logged: Readonly<Record<string, unknown>>[] = [];
  /** Unix milliseconds: a minute after the epoch. */
  now = 0;
  #epochs = 0;

  constructor() {
    this.write("policy.json", this.firm.policy);
    this.account(this.firm.atlas);
    this.secret("atlas.key", newViewingKey());
    this.epoch();
  }

  path(name: string): string {
    return path.join(this.directory, name);
  }
  write(name: string, value: unknown): void {
    writeFileSync(this.path(name), formatJson(value));
  }
  secret(name: string, text: string): void {
    writeFileSync(this.path(name), text);
    chmodSync(this.path(name), 0o600);
  }
  account(document: StateDocument): void {
    this.write(`${document.account}.json`, document);
  }

  /** Writes the next epoch, with prices moved from the first, and sets the clock a minute after it. */
  epoch(moves: PriceMoves = {}): void {
    const { marketInput } = this.firm;
    const time = unixTime(marketInput.observation.time) + this.#epochs * EPOCH;
    const epoch = (BigInt(marketInput.observation.epoch) + BigInt(this.#epochs)).toString();
    const moved = shock(marketInput, moves).observation;
    const input = { ...marketInput, observation: { ...moved, epoch, time: timeText(new Date(time * 1000)) } };
    this.write("market-input.json", input);
    this.write("market.json", buildMarket(input));
    this.#epochs += 1;
    this.now = (time + 60) * 1000;
  }

  /** Writes so many daily closes of each underlying, to the day before the first epoch or so many days later. */
  past(later = 0, days = 400): void {
    const { time, underlyings } = this.firm.marketInput.observation;
    for (const [index, [name, { spot }]] of Object.entries(underlyings).entries()) {
      const rng = seededRng(index + 1);
      let price = Number(spot);
      const lines: string[] = [];
      for (let ago = 1; ago <= days; ago++) {
        const day = new Date(Date.parse(time.slice(0, 10)) + (later - ago) * 86_400_000).toISOString().slice(0, 10);
        lines.unshift(`${day},${price.toFixed(4)}`);
        const uniform = Array.from({ length: 4 }, () => Number(rng.below(1_000_001n)) / 1e6);
        price *= Math.exp(Math.sqrt(3) * 0.03 * (uniform.reduce((sum, each) => sum + each) - 2));
      }
      writeFileSync(this.path(`${name}-USD.csv`), ["date,close", ...lines, ""].join("\n"));
    }
  }

  /** Lets so many epochs pass that nobody sees. */
  skip(epochs: number): void {
    this.#epochs += epochs;
  }

  config(part: Partial<DeskDocument> = {}): DeskDocument {
    return {
      format: DESK_FORMAT,
      name: "Test desk",
      listen: { host: "127.0.0.1", port: 0 },
      store: "desk.sqlite",
      tokens: "tokens.json",
      proofs: "proofs",
      epochs: { from: "files", policy: "policy.json", market: "market.json", input: "market-input.json" },
      epochSeconds: EPOCH,
      accounts: [{ file: "atlas.json", key: "atlas.key" }],
      nearBps: 1000,
      rules: [],
      webhooks: [],
      keepDays: 40,
      ...part,
    };
  }

  /** A desk that does one step when told to, and the store that it keeps. */
  open(part: Partial<DeskDocument> = {}, machine: Partial<DeskMachine> = {}): Desk {
    const config = readDeskConfig({ text: formatJson(this.config(part)), file: this.path("desk.json") });
    return new Desk(config, {
      inputs: new Inputs(new AbortController().signal),
      store: new Store(config.store),
      courier: courierOf(config.webhooks),
      openProver: async () => createProver(),
      clock: () => this.now,
      log: (event) => void this.logged.push(event),
      ...machine,
    });
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
