// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * An account's use cases on a chain, under simulated keys: whatever is killed when, each call has one effect; what the contracts refuse
 * is told in words; what leaves is said before it leaves.
 */
import { expect } from "chai";
import { JsonRpcProvider, type Provider, Wallet } from "ethers";
import {
  absorb,
  attestAtGate,
  deposit,
  exit,
  hold,
  requestOperator,
  withdraw,
} from "../../prover/src/app/account/moves.ts";
import { agreeToOpening, openAccount, readOpeningRequest, restoreAccount } from "../../prover/src/app/account/open.ts";
import type { Done } from "../../prover/src/app/account/session.ts";
import { accountStatus } from "../../prover/src/app/account/status.ts";
import { cashOf, signUnwind, unwind } from "../../prover/src/app/account/unwind.ts";
import { CONTRACT_NAMES, releasedContract } from "../../prover/src/chain/deploy.ts";
import { gateAt } from "../../prover/src/chain/gate-view.ts";
import { NOT_OF_ACCOUNTS, REFUSALS, refusalWords } from "../../prover/src/chain/refusals.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { randomViewingKey } from "../../prover/src/model/account.ts";
import { CASH_INDEX } from "../../prover/src/model/sizes.ts";
import { noFill } from "../../prover/src/model/transition.ts";
import { createProver } from "../../prover/src/node/prover.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { type Hands, handsOf, Killed, openedAt, refusalOf, told } from "../support/hands.ts";
import { simulatedArtifacts, simulatedBackend, simulatedKey } from "../support/simulated.ts";
import { CIRCUITS, NodeRefuses, Venue } from "../support/venue.ts";
import { deployable } from "./world.ts";

const firm = sampleFirm();

describe("an account in its owner's hands", function () {
  this.timeout(120_000);
  const keys = CIRCUITS.map((circuit) => simulatedKey(circuit));
  const key = keys[0] as ReturnType<typeof simulatedKey<"board-60">>;
  const prover = createProver({ load: () => simulatedArtifacts(key), backend: simulatedBackend(key) });
  let venue: Venue;
  let provider: JsonRpcProvider;
  let gate: string;
  let files: Parameters<typeof accountStatus>[1]["files"];
  const connect = () =>
    new JsonRpcProvider(venue.rpc, 31_337n, { staticNetwork: true, batchMaxCount: 1, cacheTimeout: -1, polling: true });

  before(async () => {
    venue = await Venue.open({
      deployable: keys.map((each) => deployable(each)),
      makerOf: async (circuit) => keys.find(({ identity }) => identity.size === circuit)!,
    });
    provider = connect();
    gate = await venue.gate.getAddress();
    files = { policy: venue.policy, market: readMarket(formatJson(firm.market), "market.json", venue.policy) };
  });
  after(async () => {
    provider.destroy();
    await prover.close();
    await venue.close();
  });

  const hands = (signer: Wallet | undefined, by: Provider = provider) => handsOf(by, prover, signer);
  const opened = (dollars?: bigint) => openedAt({ venue, provider, prover }, dollars);
  const CASH = { asset: "cash", amount: "1000" };

  it("lives: opens, pays in, absorbs, attests, pays out, exits; each time it says first what leaves", async () => {
    const { machine, viewingKey, wallet, account } = await opened();
    expect(machine.asked.map(({ words }) => words)).deep.equal(["open a margin account"]);
    await told(deposit(machine, { viewingKey, asset: "USDC", amount: "250000.5" }));
    await told(absorb(machine, { viewingKey, asset: "cash", amount: "all" }));
    await told(attestAtGate(machine, { viewingKey, ...files!, level: "initial" }));
    await told(withdraw(machine, { viewingKey, ...files!, asset: "cash", amount: "50000" }));
    const status = await accountStatus(machine, { viewingKey, files });
    const cash = status.assets.at(-1)!;
    expect(cash).deep.include({ symbol: "USDC", held: "200000.5", credit: "0", withdrawable: "200000.5" });
    expect(status).deep.include({
      stage: "healthy",
      account: `${account}`,
      heldUntil: null,
      lot: null,
      marketClosed: null,
    });
    expect(BigInt(status.attestBy.seconds)).within(86_000n, 86_400n);
    await told(exit(machine, { viewingKey, asset: "cash", amount: "all" }));
    expect(await venue.balance(CASH_INDEX, wallet.address)).equal(1_000_000_000_000n);
    expect(machine.asked.map(({ words }) => words).slice(1)).deep.equal([
      "let the gate take 250000.5 of USDC (cash) from your address",
      `pay 250000.5 USDC (cash) into account ${account}`,
      `take 250000.5 USDC (cash) of its credit into account ${account}`,
      `attest that account ${account} covers at least 150% of its margin in epoch 7`,
      `pay 50000 USDC (cash) out of account ${account} to ${wallet.address}`,
      `pay 200000.5 USDC (cash) out of account ${account} to ${wallet.address}`,
    ]);
    for (const { shows, from, most } of machine.asked) {
      expect(shows).not.equal("");
      expect(from).equal(wallet.address);
      expect(most > 0n).equal(true);
    }
  });

  it("says of an owner without gas that it has none, and goes on with the same opening once it has some", async () => {
    const wallet = Wallet.createRandom() as unknown as Wallet;
    const machine = hands(new Wallet(wallet.privateKey));
    const viewingKey = randomViewingKey();
    const answer = await openAccount(machine, { viewingKey, gate });
    if (!("asked" in answer)) throw new Error("nobody was asked");
    const view = await gateAt(provider, gate);
    const agreement = await agreeToOpening({ signer: venue.operator as never, view }, answer.asked, viewingKey);
    const error = await refusalOf(openAccount(machine, { viewingKey, agreement }));
    expect([error.code, error.rule]).deep.equal([
      "CHAIN_FAILED",
      "the account that pays has too little for gas: send it some of the chain's own currency",
    ]);
    expect(machine.kept!.sending!.raw!.length).above(2_000);
    await venue.give(wallet.address, CASH_INDEX, 1n);
    const done = await openAccount(machine, { viewingKey, agreement });
    if (!("opened" in done)) throw new Error("not opened");
    expect(done.opened.resumed).equal(true);
    await done.opened.acknowledge();
  });

  it("refuses what is no address of a gate before it asks the chain", async () => {
    for (const named of ["0x123", "gate.eth", gate.slice(2, 30)]) {
      const error = await refusalOf(openAccount(hands(undefined), { viewingKey: randomViewingKey(), gate: named }));
      expect([error.code, error.place.field, error.rule]).deep.equal([
        "FIELD_INVALID",
        "gate",
        "expected an address: 0x and 40 hexadecimal digits",
      ]);
    }
  });

  it("says of a payout that is too large what can be withdrawn, and of an exit why not", async () => {
    const { machine, viewingKey } = await opened();
    await told(deposit(machine, { viewingKey, ...CASH }));
    await told(absorb(machine, { viewingKey, ...CASH }));
    for (const amount of ["1,000", "0.0000001", "-5", "0"]) {
      expect((await refusalOf(deposit(machine, { ...CASH, viewingKey, amount }))).place.field).equal("amount");
    }
    const more = { viewingKey, asset: "cash", amount: "1000.1" };
    const paid = await refusalOf(withdraw(machine, { ...more, ...files! }));
    expect(paid.code).equal("STATEMENT_FALSE");
    expect(paid.rule).contain("says what can be withdrawn");
    const left = await refusalOf(exit(machine, more));
    expect(left.code).equal("STATEMENT_FALSE");
    expect(left.rule).contain("has positions or debt");
  });

  it("has one effect whenever it is killed: a deposit, at every step of it", async () => {
    const { machine, viewingKey, account } = await opened();
    const credit = async () => (await venue.gate.getFunction("creditsOf")(account))[CASH_INDEX] as bigint;
    machine.writes = 0;
    await told(deposit(machine, { viewingKey, ...CASH }));
    const writes = machine.writes;
    expect(writes).equal(6); // an approval and a deposit: written down, on chain, told
    let expected = 1_000_000_000n;
    for (let write = 1; write <= writes; write++) {
      for (const done of [false, true]) {
        machine.writes = 0;
        machine.killAt = { write, done };
        await told(deposit(machine, { viewingKey, ...CASH })).then(
          () => expect.fail("it was not killed"),
          (error) => expect(error).instanceOf(Killed),
        );
        machine.killAt = undefined;
        // Killed as it was taken off the file, whoever asked has been told.
        const wasTold = write === writes;
        if (!wasTold) await told(deposit(machine, { viewingKey, ...CASH }));
        else if (!done) {
          const again = await told(deposit(machine, { viewingKey, ...CASH }));
          expect(again.resumed).equal(true);
        }
        expected += 1_000_000_000n;
        expect(await credit(), `killed at write ${write}`).equal(expected);
        expect(machine.kept!.sending).equal(null);
      }
    }
  });

  it("has one effect when node and machine are lost as it is sent, before the chain has it or after", async () => {
    const { machine, viewingKey, account } = await opened();
    const credit = async () => (await venue.gate.getFunction("creditsOf")(account))[CASH_INDEX] as bigint;
    await told(deposit(machine, { viewingKey, ...CASH }));
    let expected = 1_000_000_000n;
    for (const has of [false, true]) {
      for (const nth of [1, 2]) {
        let count = 0;
        venue.hook = (method) => {
          if (method !== "eth_sendRawTransaction" || ++count !== nth) return undefined;
          if (!has) throw new Error("lost");
          return () => {
            throw new Error("lost");
          };
        };
        await refusalOrLoss(deposit(machine, { viewingKey, ...CASH }));
        venue.hook = () => undefined;
        await told(deposit(machine, { viewingKey, ...CASH }));
        expected += 1_000_000_000n;
        expect(await credit(), `${nth}, ${has}`).equal(expected);
      }
    }
    function refusalOrLoss(work: Promise<Done>) {
      return work.then(
        () => expect.fail("it was not lost"),
        () => undefined,
      );
    }
  });

  it("keeps the state before it sends, and restores it from the chain where everything but the viewing key is lost", async () => {
    const { machine, viewingKey, account, wallet } = await opened();
    await told(deposit(machine, { viewingKey, ...CASH }));
    machine.writes = 0;
    machine.killAt = { write: 1, done: true };
    await absorb(machine, { viewingKey, ...CASH }).catch(() => undefined);
    machine.killAt = undefined;
    expect(machine.kept!.sending!.after!.commitment).not.equal(machine.kept!.state!.commitment);
    const done = await told(absorb(machine, { viewingKey, ...CASH }));
    expect(done.resumed).equal(true);
    const lost = hands(undefined);
    const restored = await restoreAccount(lost, { viewingKey, gate, owner: wallet.address });
    expect(restored.account).equal(account);
    expect(lost.kept!.state).deep.equal(machine.kept!.state);
    const other = await refusalOf(restoreAccount(hands(undefined), { viewingKey: randomViewingKey(), gate }));
    expect(other.code).equal("STATE_UNKNOWN");
    expect((await refusalOf(restoreAccount(lost, { viewingKey, gate }))).code).equal("USAGE");
  });

  it("is restored by a node that tells of few blocks at a time; of one that tells of none it is said", async () => {
    const { machine, viewingKey, account, wallet } = await opened();
    await told(deposit(machine, { viewingKey, ...CASH }));
    await told(absorb(machine, { viewingKey, ...CASH }));
    await provider.send("hardhat_mine", ["0x400"]);
    let [most, asked] = [16, 0];
    venue.hook = (method, [filter]) => {
      if (method !== "eth_getLogs") return undefined;
      const { fromBlock, toBlock } = filter as { fromBlock: string; toBlock: string };
      if (Number(toBlock) - Number(fromBlock) >= most) throw new NodeRefuses(-32005, "query exceeds max block range");
      asked++;
      return undefined;
    };
    const lost = hands(undefined);
    expect((await restoreAccount(lost, { viewingKey, gate, owner: wallet.address })).account).equal(account);
    expect(lost.kept!.state).deep.equal(machine.kept!.state);
    expect(asked).greaterThan(1_024 / 16);
    most = 0;
    const { code } = await refusalOf(restoreAccount(hands(undefined), { viewingKey, gate }));
    venue.hook = () => undefined;
    expect(code).equal("CHAIN_FAILED");
  });

  it("lets another call take an interrupted one's place only where it is told to, and then one of the two has an effect", async () => {
    const { machine, viewingKey, account } = await opened();
    await told(deposit(machine, { viewingKey, ...CASH }));
    machine.writes = 0;
    machine.killAt = { write: 1, done: true };
    await requestOperator(machine, { viewingKey }).catch(() => undefined);
    machine.killAt = undefined;
    const refused = await refusalOf(absorb(machine, { viewingKey, ...CASH }));
    expect(refused.message).contain("ask the operator in public").and.contain("--instead");
    const { raw } = machine.kept!.sending!;
    await told(absorb({ ...machine, instead: true } as Hands, { viewingKey, ...CASH }));
    await provider.broadcastTransaction(raw!).then(
      () => expect.fail("both were taken"),
      () => undefined,
    );
    expect(await venue.deployment.exchange.getFunction("requestedAt")(account)).equal(0n);
  });

  it("goes on where a remote signer's hash was never told", async () => {
    const signer = await provider.getSigner(venue.signers[7]!.address);
    const viewingKey = randomViewingKey();
    const machine: Hands = { ...hands(undefined), signer };
    // `hands` reads and writes its own record.
    const store = hands(undefined);
    const mine = { ...machine, store: store.store, consent: store.consent } as Hands;
    await venue.give(venue.signers[7]!.address, CASH_INDEX, 10_000_000_000n);
    const answer = await openAccount(mine, { viewingKey, gate });
    const view = await gateAt(provider, gate);
    const asked = (answer as { asked: Parameters<typeof agreeToOpening>[1] }).asked;
    const agreement = await agreeToOpening({ signer: venue.operator as never, view }, asked, viewingKey);
    const before = (await venue.gate.getFunction("accounts")()) as bigint;
    venue.hook = (method) =>
      method === "eth_sendTransaction"
        ? () => {
            throw new Error("lost");
          }
        : undefined;
    await openAccount(mine, { viewingKey, agreement }).catch(() => undefined);
    venue.hook = () => undefined;
    expect(store.kept!.sending!.hash).equal(undefined);
    const done = await openAccount(mine, { viewingKey, agreement });
    expect(await venue.gate.getFunction("accounts")()).equal(before + 1n);
    expect((done as { opened: Done }).opened).deep.include({ account: before + 1n, resumed: true });
  });

  it("tells why the contracts refuse, and what to do; nothing has been sent", async () => {
    const { machine, viewingKey, account } = await opened();
    const sent = () => provider.getTransactionCount(machine.kept!.owner);
    const before = await sent();
    const cases: [() => Promise<unknown>, string, RegExp][] = [
      [
        () => absorb(machine, { viewingKey, ...CASH }),
        "CALL_REFUSED",
        /credit is 0 USDC, less than the 1000 USDC asked for: deposit first.*CreditTooSmall/,
      ],
      [() => hold(machine, { viewingKey, account: account - 1n }), "CALL_REFUSED", /may not do this.*NotAuthorised/],
      [() => deposit(machine, { viewingKey, asset: "gold", amount: "1" }), "UNKNOWN_NAME", /status lists/],
      [() => deposit(machine, { viewingKey, asset: "cash", amount: "0.0000001" }), "NOT_A_MULTIPLE", /./],
      [() => withdraw(machine, { viewingKey, ...files!, ...CASH }), "STATEMENT_FALSE", /./],
      [
        () =>
          withdraw(machine, { viewingKey, policy: files!.policy, market: { ...files!.market, epoch: 9n }, ...CASH }),
        "FIELD_INVALID",
        /standing epoch is 7/,
      ],
    ];
    for (const [work, code, words] of cases) {
      const error = await refusalOf(work());
      expect([error.code, words.test(error.message)], error.message).deep.equal([code, true]);
    }
    expect(await sent()).equal(before);
    // The owner of an empty wallet who pays more in than there is.
    const poor = await opened(1n);
    const error = await refusalOf(deposit(poor.machine, { viewingKey: poor.viewingKey, ...CASH }));
    // A token's error names no asset: the call does.
    expect(error.message).match(/^the sender has 1 USDC, less than the 1000 USDC needed \(ERC20InsufficientBalance\)$/);
  });

  it("refuses a market file that is not what the chain holds before it proves", async () => {
    const { machine, viewingKey } = await opened();
    const { market } = files!;
    const rows = market.market.board.rows.map((row, index) => (index === 0 ? { ...row, mark: row.mark + 1n } : row));
    const wrong = { ...market, market: { ...market.market, board: { ...market.market.board, rows } } } as typeof market;
    const error = await refusalOf(
      attestAtGate(machine, { viewingKey, policy: files!.policy, market: wrong, level: "call" }),
    );
    expect(error.message).contain("not the epoch that the chain holds");
  });

  it("an operator agrees to nothing but an opening of the key that it was given", async () => {
    const wallet = Wallet.createRandom();
    const machine = hands(new Wallet(wallet.privateKey));
    const answer = await openAccount(machine, { viewingKey: randomViewingKey(), gate });
    const { asked } = answer as { asked: Parameters<typeof agreeToOpening>[1] };
    const view = await gateAt(provider, gate);
    const by = { signer: venue.operator as never, view };
    expect((await refusalOf(agreeToOpening(by, asked, randomViewingKey()))).code).equal("PROOF_REFUSED");
    const other = { signer: venue.signers[9] as never, view };
    expect((await refusalOf(agreeToOpening(other, asked, randomViewingKey()))).message).contain(
      "the gate's operator is",
    );
  });

  it("signs for no other chain than the one that it found, whatever the node tells later", async () => {
    const { machine, viewingKey, wallet } = await opened();
    let asked = 0;
    const lying = new Proxy(provider, {
      get(target, name) {
        if (name === "getNetwork") return async () => ({ chainId: asked++ === 0 ? 31_337n : 1n });
        const member = Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const before = machine.asked.length;
    const signer = new Wallet(wallet.privateKey, lying);
    const error = await refusalOf(requestOperator({ ...machine, provider: lying, signer }, { viewingKey }));
    expect(error.message).contain("not of chain 31337 any more");
    expect(machine.kept!.sending).equal(null);
    expect(machine.asked.length).equal(before);
  });

  it("looks more than once before it says that a call had no effect: nodes may lag", async () => {
    const { machine, viewingKey, account } = await opened();
    machine.writes = 0;
    machine.killAt = { write: 5, done: false };
    await deposit(machine, { viewingKey, ...CASH }).catch(() => undefined);
    machine.killAt = undefined;
    let behind = 5;
    const lagging = new Proxy(provider, {
      get(target, name) {
        if (name === "getTransactionReceipt" && behind > 0) return async () => null;
        if (name === "getLogs" && behind > 0) {
          behind--;
          return async () => [];
        }
        const member = Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const signer = machine.signer!.connect(lagging);
    const done = await told(deposit({ ...machine, provider: lagging, signer }, { viewingKey, ...CASH }));
    expect(done.resumed).equal(true);
    expect((await venue.gate.getFunction("creditsOf")(account))[CASH_INDEX]).equal(1_000_000_000n);
  });

  it("a payout with another bound is another call", async () => {
    const { machine, viewingKey } = await opened();
    await told(deposit(machine, { viewingKey, ...CASH }));
    await told(absorb(machine, { viewingKey, ...CASH }));
    machine.writes = 0;
    machine.killAt = { write: 1, done: true };
    await exit(machine, { viewingKey, ...CASH }).catch(() => undefined);
    machine.killAt = undefined;
    expect((await refusalOf(exit(machine, { viewingKey, ...CASH, least: "1000" }))).message).contain("--instead");
    expect((await told(exit(machine, { viewingKey, ...CASH }))).resumed).equal(true);
  });

  it("a request that is none is refused, and the words of an unwinding say who pays how much", () => {
    const request = { format: "plimsoll-opening/1", chainId: "1", gate, owner: gate, agent: gate };
    const text = (part: object) => ({
      text: formatJson({ ...request, stateAfter: "1", blob: "0x", deadline: "1", ...part }),
      file: "request.json",
    });
    expect(readOpeningRequest(text({})).chainId).equal("1");
    for (const part of [{ chainId: "one" }, { gate: "0x1" }, { blob: "none" }, { agent: "" }]) {
      expect(() => readOpeningRequest(text(part))).throw(PlimsollError, Object.keys(part)[0]);
    }
    expect(cashOf({ cash: 1_500_000n })).equal("and pays 1.5 in cash");
    expect(cashOf({ cash: -2_000_000n })).equal("and gets 2 in cash");
  });

  it("an unwinding moves positions and cash alone: a fill that takes collateral is refused before anything is asked", async () => {
    const { machine, viewingKey } = await opened();
    machine.asked.length = 0;
    const empty = noFill("board-60");
    const collateral = empty.collateral.map((_, asset) => (asset === 0 ? 1n : 0n));
    const order = { viewingKey, counterparty: 1n, fill: { ...empty, collateral, blinding: randomViewingKey() } };
    for (const work of [() => signUnwind(machine, order), () => unwind(machine, { ...order, theirs: {} as never })]) {
      const error = await refusalOf(work());
      expect([error.code, error.place.field]).deep.equal(["FIELD_INVALID", "collateral"]);
    }
    expect(machine.asked).deep.equal([]);
  });

  it("keeps nothing that can be read without the viewing key", async () => {
    const { machine, viewingKey } = await opened();
    await told(deposit(machine, { viewingKey, asset: "cash", amount: "123456.789012" }));
    machine.writes = 0;
    machine.killAt = { write: 1, done: true };
    await absorb(machine, { viewingKey, asset: "cash", amount: "all" }).catch(() => undefined);
    const text = JSON.stringify(machine.kept);
    expect(text).not.contain(`${viewingKey}`).and.not.contain(viewingKey.toString(16));
    expect((machine.kept!.state!.sealed.length - 2) / 2).equal(144);
  });

  it("who sends an unwinding reads what its account pays, whatever became of the file; of that nothing is kept", async () => {
    const [one, two] = [await opened(), await opened()];
    for (const { machine, viewingKey } of [one, two]) {
      await told(deposit(machine, { viewingKey, ...CASH }));
      await told(absorb(machine, { viewingKey, ...CASH }));
    }
    const exchange = (await gateAt(provider, gate)).exchange;
    await venue.passes(Number(await exchange.getFunction("operatorDeadline")()) + 60);
    const fill = { ...noFill("board-60"), cash: -123_450_000n, blinding: randomViewingKey() };
    const theirs = await signUnwind(two.machine, { viewingKey: two.viewingKey, counterparty: one.account, fill });
    const { machine, viewingKey } = one;
    machine.asked.length = 0;
    const done = await unwind(machine, { viewingKey, counterparty: two.account, fill, theirs });
    expect(machine.asked.map(({ words }) => words)).deep.equal([
      `close account ${one.account} against account ${two.account}, for good: both only absorb and exit afterwards; it gives all its positions away and pays 123.45 in cash`,
    ]);
    expect(two.machine.asked.at(-1)!.words).contain("and gets 123.45 in cash");
    expect(`${done.words}${JSON.stringify(machine.kept)}`)
      .not.contain("123.45")
      .not.contain("12345");
    await done.acknowledge();
  });

  it("has words for every error that a contract of a venue can meet an account's call with", async () => {
    const names = new Set<string>();
    for (const name of CONTRACT_NAMES) {
      if (!["MarginGate", "Vault", "Exchange", "Liquidation", "AccountVerifier"].includes(name)) continue;
      const { abi } = await releasedContract(name);
      for (const each of abi as { type: string; name: string }[]) if (each.type === "error") names.add(each.name);
    }
    expect(names.size).greaterThan(60);
    expect([...names].filter((name) => REFUSALS[name] === undefined && !NOT_OF_ACCOUNTS.includes(name))).deep.equal([]);
    expect(NOT_OF_ACCOUNTS.filter((name) => REFUSALS[name] !== undefined)).deep.equal([]);
    const args = new Proxy({}, { get: () => 1n }) as never;
    for (const name of Object.keys(REFUSALS))
      expect(refusalWords({ name, args }), name)
        .match(/ \(\w+\)$/)
        .and.not.contain("undefined");
    // Amounts are of the asset where it is known, else they say what they count.
    const btc = { index: 0, symbol: "WBTC", lot: 100n, lotDecimals: 6 };
    const limited = { name: "OutflowLimited", args: { asset: 0n, available: 1_500_000n, lots: 2_000_001n } as never };
    expect(refusalWords(limited, btc)).match(
      /^at most 1.5 WBTC may leave now, less than the 2.000001 WBTC asked for: /,
    );
    expect(refusalWords(limited)).match(/^at most 1500000 lots may leave now, less than the 2000001 lots asked for: /);
    const small = { name: "CustodyTooSmall", args: { asset: 0n, custody: 1n, amount: 100_000_000n } as never };
    expect(refusalWords(small, btc)).match(/^the gate holds 0.00000001 WBTC, less than the 1 WBTC asked for; /);
    expect(refusalWords(small)).contain("1 of the token's smallest units, less than");
  });
});
