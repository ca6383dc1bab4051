// SPDX-License-Identifier: GPL-3.0-or-later
// What docs/oracle.md shows, run: one reporter that is its own quorum, with numbers from a file and a service, and no chain to send to.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { AbiCoder, Interface } from "ethers";
import { readOracleConfig } from "../../prover/src/oracle/config.ts";
import type { EpochFile } from "../../prover/src/oracle/epoch.ts";
import { readSources, sourceFormat } from "../../prover/src/oracle/sources.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
const { marketInput } = sampleFirm();
/** Nothing of the sample that expires: the command has no clock but the real one. */
const risk = {
  ...marketInput.policy,
  instruments: marketInput.policy.instruments.filter((each) => !each?.terms.expiry),
};
const FEED = new Interface(["function decimals() view returns (uint8)"]);
const underlyings = Object.fromEntries(
  Object.entries(marketInput.observation.underlyings).map(([name, { surface: _, ...rest }]) => [name, rest]),
);
const DOC = readFileSync(path.resolve(import.meta.dirname, "../../docs/oracle.md"), "utf8");
/** Contents of the document's fenced blocks with this tag, in order. */
const blocks = (tag: string): string[] =>
  [...DOC.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].flatMap(([, each, content]) => (each === tag ? [content!] : []));
const sh = (commands: string, cwd: string, environment: Record<string, string> = {}) =>
  spawnSync("bash", ["-ec", `plimsoll() { node "$BIN" "$@"; }\n${commands}`], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, BIN, ...environment },
  });

describe("plimsoll oracle", function () {
  this.timeout(60_000);
  let directory: string;
  const exchange = createServer(async (request, response) => {
    if (request.url === "/chain") {
      // A chain with one aggregator: 97,260 with 8 decimals, a minute ago at most.
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const asked = JSON.parse(Buffer.concat(chunks).toString());
      const answer = ({ id, params }: { id: number; params: [{ data: string }] }) => {
        const now = Math.floor(Date.now() / 1000);
        const round = [7, 9_726_000_000_000n, now, now - 30, 7];
        const [types, values] =
          params[0].data === FEED.getFunction("decimals")!.selector
            ? [["uint8"], [8]]
            : [["uint80", "int256", "uint256", "uint256", "uint80"], round];
        return { jsonrpc: "2.0", id, result: AbiCoder.defaultAbiCoder().encode(types, values) };
      };
      response.end(JSON.stringify(Array.isArray(asked) ? asked.map(answer) : answer(asked)));
      return;
    }
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
    const aggregator = (rpc: string) =>
      ({ kind: "aggregator", rpc, chainId: "31337", address: `0x${"a".repeat(40)}` }) as const;
    const options = { minimum: 2, maxAge: 60, now: Date.now() / 1000, say: (what: string) => said.push(what) };
    const all = [
      file("last"),
      http("ticker"),
      http("down"),
      file("last", "old"),
      file("none"),
      aggregator(`${url}/chain`),
      aggregator("http://127.0.0.1:9/secret"),
    ];
    expect(await readSources(all, options)).to.equal("97251.5");
    expect(await readSources([aggregator(`${url}/chain`)], { ...options, minimum: 1 })).to.equal("97260");
    expect(said.map((line) => line.replace(/\(\d+ s old\)/, "(… s old)"))).to.deep.equal([
      "source 2 (http) fails: it answers 503",
      "source 3 (file) is not of this time (… s old)",
      "source 4 (file) fails: no none in it",
      "source 6 (aggregator) fails: ECONNREFUSED",
    ]);
    let refused: unknown;
    await readSources(all.slice(1), { ...options, minimum: 3 }).catch((error) => {
      refused = error;
    });
    expect(refused).to.have.property("code", "EPOCH_REFUSED");
  });

  it("U09: a file without `timeAt` is as old as its last modification, and a service without it is no source", async () => {
    const name = path.join(directory, "stale.json");
    await writeFile(name, JSON.stringify({ last: "97251.5" }));
    const now = Date.now() / 1000;
    const said: string[] = [];
    const source = { kind: "file", path: name, at: "last" } as const;
    const read = () => readSources([source], { minimum: 1, maxAge: 60, now, say: (what) => said.push(what) });
    expect(await read()).to.equal("97251.5");
    await utimes(name, now - 172_800, now - 172_800);
    let refused: unknown;
    await read().catch((error) => {
      refused = error;
    });
    expect(refused).to.have.property("code", "EPOCH_REFUSED");
    expect(said).to.deep.equal(["source 0 (file) is not of this time (172800 s old)"]);
    const http = { kind: "http", url: `${url}/ticker`, at: "result.0.price" };
    expect(sourceFormat.safeParse(http).success).to.equal(false);
    expect(sourceFormat.safeParse({ ...http, timeAt: "result.0.time" }).success).to.equal(true);
  });

  it("takes paths in a configuration as relative to it, those of sources too", () => {
    const text = blocks("json oracle.json")[0]!;
    const { key, directory: state, observed } = readOracleConfig({ text, file: "/venue/oracle.json" });
    expect({ key, state }).to.deep.equal({ key: "/venue/reporter.key", state: "/venue/state" });
    expect(observed["underlyings.BTC.spot"]!.sources[1]).to.include({ kind: "file", path: "/venue/btc.json" });
  });

  describe("U10: before it does anything else", () => {
    const answers: Record<string, string> = {};
    const chain = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const asked = JSON.parse(Buffer.concat(chunks).toString());
      const answer = ({ id, method }: { id: number; method: string }) => ({
        jsonrpc: "2.0",
        id,
        result: answers[method],
      });
      response.end(JSON.stringify(Array.isArray(asked) ? asked.map(answer) : answer(asked)));
    });
    before(() => new Promise<void>((resolve) => chain.listen(0, "127.0.0.1", resolve)));
    after(() => {
      chain.close();
    });

    /** The command with the document's configuration, on a chain that answers so; there is no key. */
    async function run(chainId: string, code: string, quorum: string) {
      Object.assign(answers, { eth_chainId: chainId, eth_getCode: code, eth_call: quorum });
      const config = JSON.parse(blocks("json oracle.json")[0]!);
      config.chain.rpc = `http://127.0.0.1:${(chain.address() as AddressInfo).port}`;
      const file = path.join(directory, "chain.json");
      await writeFile(file, JSON.stringify(config));
      const child = spawn(process.execPath, [BIN, "oracle", "run", "--config", file]);
      let said = "";
      child.stderr.on("data", (chunk) => {
        said += chunk;
      });
      return { status: await new Promise((resolve) => child.on("close", resolve)), said };
    }
    const word = (value: number) => `0x${value.toString(16).padStart(64, "0")}`;

    it("names a chain that has no code at the address, another chain, another contract and another quorum", async () => {
      const oracle = `0x${"5".repeat(40)}`;
      const none = await run("0x7a69", "0x", "0x");
      expect(none.status).to.equal(2);
      expect(none.said).to.match(/^plimsoll: FIELD_INVALID: \S+, chain\.oracle: no code at 0x5{40} on chain 31337\n$/);
      const other = await run("0x1", "0x60", word(1));
      expect(other.status).to.equal(2);
      expect(other.said).to.include("chain.chainId: the service at chain.rpc is of chain 1, expected 31337");
      const stranger = await run("0x7a69", "0x60", "0x");
      expect(stranger.status).to.equal(2);
      expect(stranger.said).to.include(`${oracle} on chain 31337 is no price oracle`);
      const three = await run("0x7a69", "0x60", word(3));
      expect(three.status).to.equal(2);
      expect(three.said).to.include("quorum: the oracle's quorum is 3");
      // The chain is right, so the next thing is said: the key is not there.
      const right = await run("0x7a69", "0x60", word(1));
      expect(right.status).to.equal(2);
      expect(right.said).to.match(/^plimsoll: FILE: .*reporter\.key: the secret cannot be read\n$/);
    });
  });

  it("O11: publishes an epoch that `market verify` repeats; one number changed is named", async () => {
    // Below those that systems hand out.
    const port = 12_000 + (process.pid % 5_000);
    const [address] = sh(blocks("sh")[0]!, directory).stdout.match(/^0x[0-9a-fA-F]{40}$/m)!;
    const firm = path.join(directory, "firm");
    const config = JSON.parse(blocks("json oracle.json")[0]!);
    const local = { host: "127.0.0.1", port };
    const reporters = [{ address, url: `http://127.0.0.1:${port}` }];
    // Where nobody listens: what is sent there is not the point.
    const chain = { ...config.chain, rpc: "http://127.0.0.1:9/secret" };
    Object.assign(config, { listen: local, reporters, chain, intervalSeconds: 4 });
    config.observed["underlyings.BTC.spot"].sources[0].url = `${url}/ticker`;
    const files = {
      "market-input.json": { ...marketInput, policy: risk, observation: { ...marketInput.observation, underlyings } },
      "oracle.json": config,
      "btc.json": { last: "120000" },
    };
    for (const [name, value] of Object.entries(files)) await writeFile(path.join(firm, name), JSON.stringify(value));

    const command = blocks("sh")[1]!.trim().split(" ").slice(1);
    await chmod(path.join(firm, "reporter.key"), 0o640);
    const careless = spawnSync(process.execPath, [BIN, ...command], { cwd: firm, encoding: "utf8" });
    expect(careless.status).to.equal(2);
    const [event, ...rest] = careless.stderr.split("\n");
    expect(JSON.parse(event!)).to.include({ event: "chain does not answer", why: "ECONNREFUSED" });
    expect(rest.join("\n")).to.match(
      /^plimsoll: FILE: .*reporter.key: others than its owner may read the secret \(chmod 600\)\n$/,
    );
    await chmod(path.join(firm, "reporter.key"), 0o600);
    const key = (await readFile(path.join(firm, "reporter.key"), "utf8")).trim();

    const child = spawn(process.execPath, [BIN, ...command], { cwd: firm });
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
    const second = spawnSync(process.execPath, [BIN, ...command], { cwd: firm, encoding: "utf8" });
    expect(second.status, "W23: another reporter in its directory").to.equal(2);
    expect(second.stderr).to.match(/plimsoll: FILE: .*reporter\.lock: another process holds this lock; .*\n$/);
    expect(await fetch(`http://127.0.0.1:${port}/epochs/latest`).then(({ status }) => status)).to.equal(200);
    child.kill("SIGTERM");
    await ended;
    expect(epoch, said).to.not.equal(undefined);
    expect(said).to.not.include(key.slice(2)).and.not.include("secret");
    expect(said).to.include("source 1 (file) is further than 100 bps from the middle");
    const market = epoch!.market as { prices: { asset: string; price: string }[]; instruments: { delta: string }[] };
    expect(market.prices[0]).to.deep.equal({ asset: "BTC", price: "97251.5" });

    const verify = async (file: EpochFile, quorum = "1") => {
      await writeFile(path.join(firm, "epoch.json"), JSON.stringify(file));
      const { status, stdout } = sh(blocks("sh")[2]!.replace(/ 1\n$/, ` ${quorum} --json\n`), firm, {
        ORACLE: config.chain.oracle,
        REPORTER: address!,
      });
      return { status, said: stdout === "" ? undefined : JSON.parse(stdout) };
    };
    expect(await verify(epoch!)).to.deep.include({ status: 0 });
    expect(await verify(epoch!, "2"), "one reporter, a quorum of two").to.deep.equal({ status: 2, said: undefined });
    const others = `"$REPORTER" 0x${"1".repeat(40)} 0x${"2".repeat(40)}`;
    const three = sh(blocks("sh")[2]!.replace('"$REPORTER"', others).replace(/ 1\n$/, " 2\n"), firm, {
      ORACLE: config.chain.oracle,
      REPORTER: address!,
    });
    expect(three.status, "U16: one of three known reporters").to.equal(1);
    expect(three.stderr).to.equal(
      "plimsoll: EPOCH_REFUSED: epoch.json: 1 of 3 known reporters signed, but the quorum is 2\n",
    );
    const changed = structuredClone(epoch!);
    (changed.market as typeof market).instruments[1]!.delta = "1";
    const verdict = await verify(changed);
    expect(verdict.status).to.equal(1);
    expect(verdict.said.differences).to.have.length(1);
    expect(verdict.said.differences[0].place).to.match(/^instruments\[.+\]\.delta$/);
  });
});
