// SPDX-License-Identifier: GPL-3.0-or-later
// The command itself: one reporter that is its own quorum, with numbers from a file and a service, and no chain to send to.
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { Wallet } from "ethers";
import type { EpochFile } from "../../prover/src/oracle/epoch.ts";
import { readSources } from "../../prover/src/oracle/sources.ts";
import { sampleFirm } from "../../prover/src/risk/sample.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
const { marketInput, policy } = sampleFirm();
/** Nothing of the sample that expires: the command has no clock but the real one. */
const risk = {
  ...marketInput.policy,
  instruments: marketInput.policy.instruments.filter((each) => !each?.terms.expiry),
};
const underlyings = Object.fromEntries(
  Object.entries(marketInput.observation.underlyings).map(([name, { surface: _, ...rest }]) => [name, rest]),
);
const KEY = `0x${"7".repeat(64)}`;
const { address } = new Wallet(KEY);
const ORACLE = `0x${"5".repeat(40)}`;

describe("plimsoll oracle", function () {
  this.timeout(60_000);
  let directory: string;
  const exchange = createServer((request, response) => {
    response.writeHead(request.url === "/ticker" ? 200 : 503);
    response.end(JSON.stringify({ result: [{ price: 97251.5, time: Date.now() }] }));
  });
  let url: string;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), "plimsoll-oracle-cli-"));
    await new Promise<void>((resolve) => exchange.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(exchange.address() as AddressInfo).port}`;
    await writeFile(path.join(directory, "btc.json"), JSON.stringify({ last: "97251.5", old: 1_000 }));
  });
  after(async () => {
    exchange.close();
    await rm(directory, { recursive: true, force: true });
  });

  it("takes the middle of sources that answer and are of this time, and refuses too few", async () => {
    const said: string[] = [];
    const file = (at: string, timeAt?: string) =>
      ({ kind: "file", path: path.join(directory, "btc.json"), at, ...(timeAt && { timeAt }) }) as const;
    const http = (name: string) =>
      ({ kind: "http", url: `${url}/${name}`, at: "result.0.price", timeAt: "result.0.time" }) as const;
    const options = { minimum: 2, maxAge: 60, now: Date.now() / 1000, say: (what: string) => said.push(what) };
    const all = [file("last"), http("ticker"), http("down"), file("last", "old"), file("none")];
    expect(await readSources(all, options)).to.equal("97251.5");
    expect(said).to.deep.equal([
      "source 2 (http) fails: it answers 503",
      "source 3 (file) is not of this time",
      "source 4 (file) fails: no none in it",
    ]);
    let refused: unknown;
    await readSources(all.slice(1), { ...options, minimum: 3 }).catch((error) => {
      refused = error;
    });
    expect(refused).to.have.property("code", "EPOCH_REFUSED");
  });

  it("O11: publishes an epoch that `market verify` repeats; one number changed is named", async () => {
    const port = 45_000 + (process.pid % 10_000);
    const files = {
      "risk.json": risk,
      "policy.json": policy,
      "observation.json": { ...marketInput.observation, underlyings },
      "oracle.json": {
        format: "plimsoll-oracle/1",
        board: "1",
        chain: { rpc: "http://127.0.0.1:9", chainId: "31337", oracle: ORACLE },
        key: "key",
        listen: { host: "127.0.0.1", port },
        reporters: [{ address, url: `http://127.0.0.1:${port}` }],
        quorum: 1,
        intervalSeconds: 4,
        toleranceBps: 50,
        skewSeconds: 2,
        directory: "state",
        risk: "risk.json",
        policy: "policy.json",
        observation: "observation.json",
        observed: {
          "underlyings.BTC.spot": {
            sources: [{ kind: "http", url: `${url}/ticker`, at: "result.0.price", timeAt: "result.0.time" }],
            minimum: 1,
            maxAgeSeconds: 60,
          },
        },
      },
    };
    for (const [name, value] of Object.entries(files))
      await writeFile(path.join(directory, name), JSON.stringify(value));
    await writeFile(path.join(directory, "key"), `${KEY}\n`, { mode: 0o600 });

    const child = spawn(process.execPath, [BIN, "oracle", "run", "--config", "oracle.json"], { cwd: directory });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    let epoch: EpochFile | undefined;
    for (let tries = 0; tries < 200 && epoch === undefined; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      const response = await fetch(`http://127.0.0.1:${port}/epochs/latest`).catch(() => undefined);
      if (response?.status === 200) epoch = (await response.json()) as EpochFile;
    }
    child.kill("SIGTERM");
    await ended;
    expect(epoch, said).to.not.equal(undefined);
    expect(said).to.not.include(KEY.slice(2));
    const market = epoch!.market as { prices: { asset: string; price: string }[]; instruments: { delta: string }[] };
    expect(market.prices[0]).to.deep.equal({ asset: "BTC", price: "97251.5" });

    const verify = async (file: EpochFile) => {
      await writeFile(path.join(directory, "epoch.json"), JSON.stringify(file));
      const args = ["market", "verify", "epoch.json", "--risk", "risk.json", "--policy", "policy.json", "--json"];
      const known = ["--oracle", ORACLE, "--chain", "31337", "--board", "1", "--reporters", address];
      const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args, ...known], {
        cwd: directory,
        encoding: "utf8",
      });
      return { status, stderr, said: stdout === "" ? undefined : JSON.parse(stdout) };
    };
    expect(await verify(epoch!)).to.deep.include({ status: 0 });
    const changed = structuredClone(epoch!);
    (changed.market as typeof market).instruments[1]!.delta = "1";
    const verdict = await verify(changed);
    expect(verdict.status).to.equal(1);
    expect(verdict.said.differences).to.have.length(1);
    expect(verdict.said.differences[0].place).to.match(/^instruments\[.+\]\.delta$/);
  });
});
