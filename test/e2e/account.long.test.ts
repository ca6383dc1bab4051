// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * docs/accounts.md, run: an account's life from the command line alone, with real proofs, on a chain behind JSON-RPC. What the venue does
 * (larger trades, prices, a lot on auction, silence) comes between the page's commands.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import type { AccountStatus } from "../../prover/src/app/account/status.ts";
import { AccountClient, type Published, type Venue as VenueOfClients } from "../../prover/src/chain/client.ts";
import { type GateCall, signClear } from "../../prover/src/chain/gate-calls.ts";
import { gateAt } from "../../prover/src/chain/gate-view.ts";
import { readViewingKey } from "../../prover/src/formats/account.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { type MarketFile, readMarket } from "../../prover/src/formats/market.ts";
import { randomViewingKey } from "../../prover/src/model/account.ts";
import { CASH_INDEX } from "../../prover/src/model/sizes.ts";
import { loadDeployableKey, loadLinkKey } from "../../prover/src/node/artifacts.ts";
import { openKeystore } from "../../prover/src/node/keystore.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { createLinkMaker } from "../../prover/src/prove/link.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { columnE6 } from "../../prover/src/units.ts";
import { longOf, lotsFor, rowOf } from "../support/longs.ts";
import { CIRCUITS, OPERATOR_DEADLINE, Venue } from "../support/venue.ts";

const BIN = path.resolve(import.meta.dirname, "../../prover/bin/plimsoll.mjs");
const DOC = readFileSync(path.resolve(import.meta.dirname, "../../docs/accounts.md"), "utf8");
const blocksOf = (page: string) => [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, content]) => content!);
const BLOCKS = blocksOf(DOC);
/** Of docs/liquidation.md: a call, and a start. */
const OF_VENUE = blocksOf(readFileSync(path.resolve(import.meta.dirname, "../../docs/liquidation.md"), "utf8"));
const E6 = 1_000_000n;
/** Lots of an option that expires on the way. */
const OPTIONS = 10n;

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe("docs/accounts.md", function () {
  this.timeout(600_000);
  const firm = sampleFirm();
  const prover = createProver();
  let folder: string;
  let venue: Venue;
  let market: MarketFile;
  let fallen: MarketFile;
  let clients: VenueOfClients;
  let optionRow: number;
  const variables: Record<string, string> = {};
  /** Everything that commands have said, and were called with. */
  const said: string[] = [];
  const at = (name: string) => path.join(folder, name);
  const text = (name: string) => readFileSync(at(name), "utf8");

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-account-"));
    venue = await Venue.open({
      deployable: await Promise.all(CIRCUITS.map(async (name) => (await loadDeployableKey(name))!)),
      makerOf: async (circuit) => createLinkMaker(await loadLinkKey(circuit)),
    });
    for (const [name, document] of Object.entries({
      policy: firm.policy,
      market: firm.market,
      fallen: firm.marketAfterFall,
    })) {
      writeFileSync(at(`${name}.json`), formatJson(document));
    }
    market = readMarket(text("market.json"), "market.json", venue.policy);
    fallen = readMarket(text("fallen.json"), "fallen.json", venue.policy);
    optionRow = rowOf(market, "BTC-25DEC26-100000-C");
    const { gate, exchange, clearing } = venue.deployment;
    const view = await gateAt(venue.operator.provider as never, await gate.getAddress());
    const cosign = (first: GateCall, second?: GateCall) => signClear(venue.operator, view.domains, first, second);
    clients = { gate, exchange, clearing, domains: view.domains, prover, cosign };
    Object.assign(variables, {
      ...{ BIN, PLIMSOLL_RPC: venue.rpc, GATE: await gate.getAddress() },
      ...{ OPERATOR: venue.operator.address, BOREAS: venue.signers[6]!.address },
    });
    // Nothing may be left among the system's temporary files.
    mkdirSync(at("tmp"));
  });
  after(async () => {
    await prover.close();
    await venue?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs commands in the folder. The chain is of this process, which must not stand still meanwhile. */
  function sh(commands: string, env: Record<string, string> = {}): Promise<Ran> {
    const child = spawn("bash", ["-ec", `plimsoll() { node "$BIN" "$@"; }\n${commands}`], {
      cwd: folder,
      env: {
        ...process.env,
        PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
        TMPDIR: at("tmp"),
        ...variables,
        ...env,
      },
    });
    let [out, err] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (out += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (err += chunk));
    child.stdin.end();
    return new Promise((resolve) =>
      child.on("close", (code) => {
        said.push(commands, out, err);
        resolve({ code, out, err });
      }),
    );
  }
  async function block(index: number): Promise<Ran> {
    const ran = await sh(BLOCKS[index]!);
    expect(ran.code, `${BLOCKS[index]}\n${ran.err}`).equal(0);
    return ran;
  }
  const status = async (files = ""): Promise<AccountStatus> =>
    JSON.parse((await sh(`plimsoll account status --file atlas.json --key viewing.key ${files} --json`)).out);
  const published = async (file: MarketFile): Promise<Published> => {
    const { policyId } = await venue.deployment.oracle.getFunction("outflow")(1);
    return { policyId, epoch: file.epoch, policy: venue.policy.policy, market: file.market };
  };

  let atlas: AccountClient;
  let boreas: AccountClient;
  let dorado: AccountClient;

  it("makes keys, opens with the operator's agreement, pays in and absorbs", async () => {
    const owner = (await block(0)).out.trim();
    expect(owner).match(/^0x[0-9a-fA-F]{40}$/);
    for (const name of ["owner.json", "viewing.key", "passphrase.txt"])
      expect(statSync(at(name)).mode & 0o077).equal(0);
    await venue.give(owner, CASH_INDEX, 10_000_000n * E6);
    for (const index of [1, 2, 3]) await block(index);
    expect(statSync(at("atlas.json")).mode & 0o077).equal(0);
    const { out, err } = await block(4);
    expect(err).contain("pay 1000000 USDC (cash) into account 1").and.contain("everybody sees: ");
    expect(out)
      .match(/stage\s+healthy/)
      .and.match(/USDC \(cash\)\s+1000000\s+0/);
    variables.ATLAS_ACCOUNT = "1";
  });

  it("sends nothing where nobody can be asked and nobody has said yes", async () => {
    const me = "--file atlas.json --key viewing.key --keystore owner.json --passphrase-file passphrase.txt";
    const { code, err } = await sh(`plimsoll account deposit ${me} --asset cash --amount 1`);
    expect(code).equal(2);
    expect(err).contain("let the gate take 1 of USDC (cash)");
    expect(err).contain("nothing was sent: give --yes");
    expect((await status()).assets.at(-1)!.credit).equal("0");
  });

  it("attests, pays out, and says what can be withdrawn", async () => {
    await block(5);
    const seen = JSON.parse(text("status.json")) as AccountStatus;
    expect(seen.assets.at(-1)).deep.include({ held: "974999.5", withdrawable: "974999.5" });
    expect(seen.coverage).deep.equal({ bps: null, level: "initial", positions: 0 });
  });

  it("trades with another account: offered, agreed to on the same terms, settled by the operator", async () => {
    // Boreas opens by the same commands, with the node's signature.
    await venue.give(variables.BOREAS!, CASH_INDEX, 9_000_000n * E6);
    const them = "--file boreas.json --key boreas.key --from $BOREAS --yes";
    const made = await sh(
      [
        "plimsoll account key unused.json --passphrase-file passphrase.txt --viewing-key boreas.key",
        `plimsoll account open ${them} --gate $GATE --request boreas-request.json`,
        "plimsoll account agree boreas-request.json --key boreas.key --from $OPERATOR --out boreas-agreement.json",
        `plimsoll account open ${them} --agreement boreas-agreement.json`,
        `plimsoll account deposit ${them} --asset cash --amount 9000000`,
        `plimsoll account absorb ${them} --asset cash`,
      ].join("\n"),
    );
    expect(made.code, made.err).equal(0);
    variables.BOREAS_ACCOUNT = "2";
    for (const index of [6, 7]) {
      const { err } = await block(index);
      expect(err).contain(index === 6 ? "account 1 buys 0.01 BTC-PERP at 96900" : "account 2 sells 0.01 BTC-PERP");
      expect(err).contain("and not what they traded");
    }
    const other = await sh(BLOCKS[7]!.replace('"96900"', '"96901"').replace("trade.json", "none.json"));
    expect([other.code, other.err.includes("the offer is not of these terms")], other.err).deep.equal([2, true]);
    const { out, err } = await block(8);
    expect(out).contain("settled: account 1 with account 2");
    expect(err).contain("account 1 gets 0.01 BTC-PERP and gives 969 in cash, with account 2");
    const again = await block(8);
    expect(again.out).contain("an earlier run had settled it");
    const seen = await status("--policy policy.json --market market.json");
    expect(seen.assets.at(-1)!.held).equal("974030.5");
    expect(seen.coverage).deep.include({ positions: 1, level: "initial" });
  });

  it("follows trades that others settle, is called, cures, and bids for another's lot", async () => {
    // Dorado opens by a program.
    const key = readViewingKey(text("viewing.key"), "viewing.key");
    const wallet = (
      await openKeystore({ text: text("owner.json"), file: "owner.json" }, text("passphrase.txt").trim())
    ).connect(venue.operator.provider as never);
    const boreasKey = readViewingKey(text("boreas.key"), "boreas.key");
    atlas = await AccountClient.restore(clients, wallet, 1n, key);
    boreas = await AccountClient.restore(clients, venue.signers[6]!, 2n, boreasKey);
    const third = venue.signers[8]!;
    dorado = await AccountClient.open(clients, third, { size: "board-60", viewingKey: randomViewingKey() });
    await venue.give(third.address, CASH_INDEX, 1_000_000n * E6);
    const gate = venue.gate.connect(third) as typeof venue.gate;
    const token = venue.tokens.get(CASH_INDEX)!.connect(third) as typeof venue.gate;
    await (await token.getFunction("approve")(venue.gate, 1_000_000n * E6)).wait();
    await (await gate.getFunction("deposit")(dorado.id, third.address, CASH_INDEX, 1_000_000n * E6)).wait();
    await dorado.absorb(CASH_INDEX, 1_000_000n * E6);

    const { initial } = venue.policy.levels;
    const files = { policy: venue.policy, market, fallen };
    await atlas.trade(
      boreas,
      longOf(market, lotsFor(11_000n, 1_000_000n * E6, files), new Map([[optionRow, OPTIONS]])),
      initial,
      await published(market),
    );
    await dorado.trade(
      boreas,
      longOf(market, lotsFor(4_000n, 1_000_000n * E6, files)),
      initial,
      await published(market),
    );
    await venue.passes(3_600);
    await venue.publish(fallen);
    variables.CALLED = "1";
    const flagged = await sh(OF_VENUE[0]!);
    expect(flagged.code, flagged.err).equal(0);
    expect(flagged.out).contain("account 1 is called: it is below call");
    const again = await sh(OF_VENUE[0]!);
    expect([again.code, again.err.includes("StageWrong")], again.err).deep.equal([1, true]);
    const called = await status("--policy policy.json --market fallen.json");
    expect(called).deep.include({ stage: "called", belowEpoch: `${fallen.epoch}` });
    expect(called.coverage!.level).oneOf(["liquidation", "closeOut"]);
    expect(BigInt(called.cureBy!.seconds) > 0n).equal(true);
    expect(called.assets.at(-1)!.withdrawable).equal(null);
    await block(9);
    const cured = await status("--policy policy.json --market fallen.json");
    expect(cured).deep.include({ stage: "healthy", cureBy: null, belowEpoch: null });

    // The operator sells all of Dorado.
    variables.SOLD = `${dorado.id}`;
    writeFileSync(at("dorado.key"), `${dorado.state.viewingKey}\n`, { mode: 0o600 });
    // A file that is there may be a lot that bidders need.
    writeFileSync(at("lot.json"), "another lot\n");
    const taken = await sh(OF_VENUE[1]!);
    expect([taken.code !== 0, taken.err.includes("exists already")], taken.err).deep.equal([true, true]);
    expect(readFileSync(at("lot.json"), "utf8")).equal("another lot\n");
    rmSync(at("lot.json"));
    const started = await sh(OF_VENUE[1]!);
    expect(started.code, started.err).equal(0);
    expect(started.out).contain("a close-out of account 3 is on auction");
    expect(started.err)
      .contain("that account 3 is below close-out, that a lot of it is for sale")
      .contain("what the account owes after it")
      .not.contain("all that is in it");
    expect(statSync(at("lot.json")).mode & 0o077).equal(0);
    const early = await sh("plimsoll liquidation void $SOLD --gate $GATE --from $OPERATOR --yes");
    expect([early.code, early.err.includes("AuctionRunning")], early.err).deep.equal([1, true]);
    const { liquidation } = venue.deployment;
    const { out } = await block(10);
    expect(out).match(/done: bid [\d.]+ in cash, by account 1, for the lot of account 3/);
    expect(await liquidation.getFunction("auctionOf")(dorado.id)).equal(`0x${"0".repeat(64)}`);
  });

  it("passes a settlement before anything else: what it held of the expired option leaves for cash", async () => {
    await atlas.catchUp();
    const before = atlas.state;
    const mark = columnE6(4_321_000_000n);
    await venue.settle(new Map([[optionRow, mark]]));
    expect(await status()).deep.include({ settlementsDue: "1" });
    const us = "--file atlas.json --key viewing.key --keystore owner.json --passphrase-file passphrase.txt --yes";
    expect((await sh(`plimsoll account deposit ${us} --asset cash --amount 1`)).code).equal(0);
    const refused = await sh(`plimsoll account absorb ${us} --asset cash`);
    expect(refused.code).equal(1);
    expect(refused.err).contain("settlement 1 of expired instruments comes first").contain("plimsoll account settle");
    await block(11);
    expect(await status()).deep.include({ settlementsDue: "0" });
    await atlas.catchUp();
    expect(before.positions[optionRow]).equal(OPTIONS);
    expect(atlas.state.positions[optionRow]).equal(0n);
    expect(atlas.state.cash).equal(before.cash + mark * OPTIONS);
    const none = await sh(BLOCKS[11]!);
    expect(none.code).equal(1);
    expect(none.err).contain("CALL_REFUSED").contain("no settlement to pass");
    const theirs = await sh("plimsoll account settle --file boreas.json --key boreas.key --from $BOREAS --yes");
    expect(theirs.code, theirs.err).equal(0);
  });

  it("leaves without the operator: asks, unwinds, exits with everything", async () => {
    const none = `echo '{ "format": "plimsoll-unwind-terms/1", "cash": "0" }' > none.cash`;
    const early = await sh(
      `${none}; plimsoll account unwind --file atlas.json --key viewing.key --terms none.cash --fill none.json`,
    );
    expect(early.code, early.err).equal(0);
    await block(12);
    const theirs = await sh("plimsoll account request --file boreas.json --key boreas.key --from $BOREAS --yes");
    expect(theirs.code, theirs.err).equal(0);
    await atlas.catchUp();
    const worth = atlas.state.positions.reduce(
      (sum, lots, row) => sum + lots * fallen.market.board.rows[row]!.mark,
      0n,
    );
    variables.CASH = `${worth / E6}`;
    await venue.passes(Number(OPERATOR_DEADLINE) + 60);
    await block(13);
    expect((await status()).retired).equal(true);
    await block(14);
    expect((await status()).assets.at(-1)!.held).equal("0");
    const both = await sh(
      "plimsoll account exit --file boreas.json --key boreas.key --from $BOREAS --yes --asset cash --amount all",
    );
    expect(both.code, both.err).equal(0);
  });

  it("is restored from the chain with the viewing key alone, and its owner refuses a second effect", async () => {
    await block(15);
    const [kept, again] = [JSON.parse(text("atlas.json")), JSON.parse(text("again.json"))];
    expect(again.state).deep.equal(kept.state);
    const { err } = await block(16);
    // The settlement above has frozen it.
    expect(err).contain("the market does not serve now").contain("EpochFrozen").not.contain("ROW-");
    const [standing, served] = [JSON.parse(text("standing.json")), JSON.parse(text("fallen.json"))];
    expect({ ...standing, time: "" }).deep.equal({ ...served, time: "" });
    const taken = await sh("plimsoll account restore --file again.json --key boreas.key --gate $GATE");
    expect([taken.code, taken.err]).deep.equal([2, taken.err]);
  });

  it("has shown no secret: not in what it said, not in command lines, not in files of others", () => {
    const secrets = [
      text("viewing.key").trim(),
      BigInt(text("viewing.key").trim()).toString(16),
      text("passphrase.txt").trim(),
      text("boreas.key").trim(),
    ];
    for (const secret of secrets) expect(said.join("\n").includes(secret), "a secret").equal(false);
    expect(readdirSync(at("tmp"))).deep.equal([]);
    const own = ["viewing.key", "passphrase.txt", "boreas.key", "fill.json", "none.json", "lot.json", "dorado.key"];
    for (const name of readdirSync(folder)) {
      if (own.includes(name) || name === "tmp") continue;
      for (const secret of secrets) expect(text(name).includes(secret), name).equal(false);
    }
    for (const name of ["fill.json", "offer.json", "buys.json", "atlas.json", "boreas.json"])
      expect(statSync(at(name)).mode & 0o077).equal(0);
  });
});
