// SPDX-License-Identifier: GPL-3.0-or-later
/** A desk on the sample firm's files whose account is open at a gate on a chain of its own. */

import { readFileSync } from "node:fs";
import { encryptKeystoreJsonSync, JsonRpcProvider, Wallet } from "ethers";
import { absorb, deposit } from "../../prover/src/app/account/moves.ts";
import { agreeToOpening, openAccount } from "../../prover/src/app/account/open.ts";
import type { AccountMachine, Done } from "../../prover/src/app/account/session.ts";
import { accountStatus } from "../../prover/src/app/account/status.ts";
import { gateAt } from "../../prover/src/chain/gate-view.ts";
import { readViewingKey } from "../../prover/src/formats/account.ts";
import { readMarket } from "../../prover/src/formats/market.ts";
import { CASH_INDEX } from "../../prover/src/model/sizes.ts";
import { withAccountFile } from "../../prover/src/node/account-store.ts";
import type { Prover } from "../../prover/src/prove/prover.ts";
import type { AtGate, DeskDocument } from "../../prover/src/service/desk/config.ts";
import { DeskFolder } from "./desks.ts";
import type { Venue } from "./venue.ts";

const E6 = 1_000_000n;

export class ChainFolder extends DeskFolder {
  readonly #venue: Venue;
  readonly #prover: Prover;
  readonly provider: JsonRpcProvider;
  /** Of the account, with a keystore in the folder. */
  readonly wallet = new Wallet(Wallet.createRandom().privateKey);
  gateNumber = 0n;

  constructor(venue: Venue, prover: Prover) {
    super();
    this.#venue = venue;
    this.#prover = prover;
    const options = { staticNetwork: true, batchMaxCount: 1, cacheTimeout: -1, polling: true };
    this.provider = new JsonRpcProvider(venue.rpc, 31_337n, options);
    this.secret("rpc.url", `${venue.rpc}\n`);
    this.secret("passphrase.txt", "of the account's key\n");
  }

  get viewingKey() {
    return readViewingKey(readFileSync(this.path("atlas.key"), "utf8"), "atlas.key");
  }

  /** Does work with the account's file as its owner does. */
  asOwner<T>(work: (machine: AccountMachine) => Promise<T>): Promise<T> {
    return withAccountFile(this.path("atlas.gate.json"), (store) =>
      work({
        ...{ provider: this.provider, prover: this.#prover, store, patience: 20_000 },
        signer: this.wallet.connect(this.provider),
        consent: async () => {},
      }),
    );
  }

  /** Opens the account, with so many dollars in it and so many left in its owner's wallet. */
  async openAtGate(inside = 5_000n, outside = 1_000_000n): Promise<void> {
    this.secret("owner.json", encryptKeystoreJsonSync(this.wallet, "of the account's key", { scrypt: { N: 2 } }));
    const venue = this.#venue;
    const gate = await venue.gate.getAddress();
    await venue.give(this.wallet.address, CASH_INDEX, (inside + outside) * E6);
    const { viewingKey } = this;
    const told = async (work: Promise<Done>) => (await work).acknowledge();
    await this.asOwner(async (machine) => {
      const answer = await openAccount(machine, { viewingKey, gate });
      if (!("asked" in answer)) throw new Error("nobody was asked");
      const view = await gateAt(this.provider, gate);
      const agreement = await agreeToOpening({ signer: venue.operator as never, view }, answer.asked, viewingKey);
      const done = await openAccount(machine, { viewingKey, agreement });
      if (!("opened" in done)) throw new Error("not opened");
      await done.opened.acknowledge();
      this.gateNumber = done.opened.account;
      const cash = { viewingKey, asset: "cash", amount: inside.toString() };
      await told(deposit(machine, cash));
      await told(absorb(machine, cash));
    });
  }

  /** What is in the account, in its credit, and in its owner's wallet: whole dollars. */
  async money(): Promise<{ held: string; credit: string; outside: bigint }> {
    const status = await this.asOwner((machine) => accountStatus(machine, { viewingKey: this.viewingKey }));
    const { held, credit } = status.assets.at(-1)!;
    return { held, credit, outside: (await this.#venue.balance(CASH_INDEX, this.wallet.address)) / E6 };
  }

  /** The next epoch, at the desk and on the chain. */
  async epochOnChain(): Promise<void> {
    this.epoch();
    const market = readMarket(readFileSync(this.path("market.json"), "utf8"), "market.json", this.#venue.policy);
    await this.#venue.publish(market);
  }

  configAtGate(part: Partial<DeskDocument>, signer: AtGate["signer"], limits = "100000"): Partial<DeskDocument> {
    return {
      nearBps: 0,
      accounts: [{ file: "atlas.json", key: "atlas.key", chain: { file: "atlas.gate.json", signer } }],
      chain: {
        rpc: "rpc.url",
        confirmations: 3,
        transactionsPerDay: 500,
        gasPerTransaction: "0.5",
        limits: [{ asset: "USDC", perDay: limits }],
      },
      ...part,
    };
  }

  override remove(): void {
    this.provider.destroy();
    super.remove();
  }
}

export const KEYSTORE = { by: "keystore", file: "owner.json", passphrase: "passphrase.txt" } as const;
