// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A browser's wallet sends what the desk has prepared, in Chromium: the test announces one as EIP-6963 has it. What the page says of a
 * transaction is believed only once the chain says so too.
 */
import { existsSync, mkdirSync } from "node:fs";
import { expect } from "chai";
import { type Browser, chromium, type Page } from "playwright-core";
import { readDeskPage } from "../../prover/src/node/pages.ts";
import { makeToken } from "../../prover/src/service/desk/access.ts";
import { type DeskServer, serveDesk } from "../../prover/src/service/desk/server.ts";
import { ATTEST, deskWorld, TOP_UP } from "../contracts/desk-world.ts";
import { CHROMIUM, CHROMIUM_FLAGS } from "../support/rendered.ts";
import { skip } from "../support/skip.ts";

/** Runs in the page, before its own script. */
function announceWallets() {
  const call = (globalThis as unknown as { walletCall: (name: string, call: unknown) => Promise<unknown> }).walletCall;
  for (const name of ["Empty Wallet", "Test Wallet"]) {
    const provider = { request: (asked: unknown) => call(name, asked) };
    const detail = Object.freeze({ info: { uuid: name, name, rdns: "example.wallet", icon: "" }, provider });
    const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
    addEventListener("eip6963:requestProvider", announce);
    announce();
  }
}

describe("a wallet in the desk's page", function () {
  this.timeout(180_000);
  const world = deskWorld();
  let browser: Browser;
  let page: Page;
  let server: DeskServer;
  let running: Promise<void>;
  let blocks: NodeJS.Timeout;
  let tokens: { operator: string; approver: string };
  const asked: string[] = [];
  let chain = "0x7a69";

  before(async function () {
    if (!existsSync(CHROMIUM)) skip(this, "no Chromium");
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: CHROMIUM_FLAGS });
  });
  after(() => browser?.close());

  const begin = async (rule: typeof ATTEST | typeof TOP_UP) => {
    world.open({ rules: [{ ...rule, name: `${rule.kind} by hand`, approval: true }] }, { by: "wallet" });
    mkdirSync(world.folder.path("proofs"), { recursive: true });
    const file = world.folder.path("tokens.json");
    tokens = {
      operator: await makeToken(file, `Otto ${rule.kind}`, "operator"),
      approver: await makeToken(file, `Ana ${rule.kind}`, "approver"),
    };
    server = await serveDesk(world.desk, await readDeskPage());
    running = world.desk.run();
    blocks = setInterval(() => void world.venue.passes(1), 400);
    page = await browser.newPage();
    await page.exposeFunction("walletCall", walletCall);
    await page.addInitScript(announceWallets);
    await page.goto(`${server.url}/#token=${tokens.approver}`);
    await page.getByRole("link", { name: "Tasks" }).click();
    await page.getByRole("button", { name: "Approve" }).click();
  };
  afterEach(async () => {
    clearInterval(blocks);
    await page?.close();
    await server?.close();
    // The world closes the desk, which ends this.
    void running?.catch(() => {});
  });

  /** What the wallet does: it has one account, and sends what it is asked to. */
  async function walletCall(name: string, { method, params }: { method: string; params?: [Record<string, string>] }) {
    asked.push(`${name}: ${method}`);
    const { wallet, provider } = world.folder;
    if (method === "eth_requestAccounts") {
      return name === "Empty Wallet" ? [`0x${"1".repeat(40)}`] : [wallet.address.toLowerCase()];
    }
    if (method === "eth_chainId") return chain;
    // Says that it has changed to the chain, and has not.
    if (method === "wallet_switchEthereumChain") return null;
    if (method !== "eth_sendTransaction") throw new Error(method);
    const { from, to, data, nonce, gas } = params![0];
    expect(from!.toLowerCase()).equal(wallet.address.toLowerCase());
    const sent = { to: to!, data: data!, nonce: Number(nonce), gasLimit: BigInt(gas!) };
    return (await wallet.connect(provider).sendTransaction(sent)).hash;
  }
  const send = async () => {
    await page.getByLabel(/^Wallet for task/).selectOption("Test Wallet");
    await page.getByRole("button", { name: "Send by Test Wallet" }).click();
  };
  const row = () => page.locator("tbody tr").first();

  it("attests: only the account's owner is asked, the desk is told the hash, and counts on the chain alone", async () => {
    await begin(ATTEST);
    await page.getByRole("button", { name: "Send by Empty Wallet" }).click();
    await page.getByText("which the account belongs to").waitFor();
    expect(world.last().calls).deep.equal([]);
    chain = "0x1";
    await page.getByLabel(/^Wallet for task/).selectOption("Test Wallet");
    await page.getByRole("button", { name: "Send by Test Wallet" }).click();
    await page.getByText("the wallet is on another chain").waitFor();
    expect(asked.filter((each) => each.includes("eth_sendTransaction"))).deep.equal([]);
    chain = "0x7a69";
    // A hash of another transaction is refused, and who is no approver is not asked.
    const tell = (token: string, hash: string) =>
      fetch(`${server.url}/api/tasks/${world.last().id}/sent`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ hash }),
      });
    const [other] = await world.venue.gate.queryFilter(
      world.venue.gate.filters.AccountOpened!(world.folder.gateNumber),
    );
    expect((await tell(tokens.operator, other!.transactionHash)).status).equal(403);
    expect((await tell(tokens.approver, other!.transactionHash)).status).equal(400);
    await send();
    await page.getByText("attest: on chain").waitFor({ timeout: 60_000 });
    expect(await row().textContent()).contain("done");
    expect(world.last()).include({ state: "done", reason: null });
    const events = await world.venue.gate.queryFilter(world.venue.gate.filters.Settled!(world.folder.gateNumber));
    expect(events.at(-1)!.transactionHash).equal(world.last().calls[0]!.transaction);
    expect(asked.filter((each) => each.includes("eth_sendTransaction"))).deep.equal([
      "Test Wallet: eth_sendTransaction",
    ]);
  });

  it("tops up in three transactions, one after the other; one that the page never told of is found on the chain", async () => {
    world.poor(1);
    await begin(TOP_UP);
    for (const step of ["approve", "deposit", "absorb"]) {
      if (step === "deposit") await page.route("**/sent", (route) => route.abort());
      await send();
      await page.getByText(`${step}: on chain`).waitFor({ timeout: 60_000 });
      await page.unroute("**/sent");
    }
    expect(await row().textContent()).contain("done");
    expect(await world.paid()).deep.equal({ outside: 1000n, held: 1000, credit: "0" });
    expect(world.last()).include({ state: "done", kind: "top up" });
  });
});
