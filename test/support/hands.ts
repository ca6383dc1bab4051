// SPDX-License-Identifier: GPL-3.0-or-later
/** Owners of accounts at an invented venue, each with a machine that keeps its account and may be killed as it writes. */
import { expect } from "chai";
import { type Provider, Wallet } from "ethers";
import { agreeToOpening, openAccount } from "../../prover/src/app/account/open.ts";
import type { AccountMachine, Done, Leaving } from "../../prover/src/app/account/session.ts";
import { type AccountRecord, readAccountRecord } from "../../prover/src/chain/account-record.ts";
import { gateAt } from "../../prover/src/chain/gate-view.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { randomViewingKey } from "../../prover/src/model/account.ts";
import { CASH_INDEX } from "../../prover/src/model/sizes.ts";
import type { Venue } from "./venue.ts";

/** Somebody's machine: what it keeps, what it was asked, and how often it has written. */
export interface Hands extends AccountMachine {
  kept: AccountRecord | undefined;
  readonly asked: Leaving[];
  writes: number;
  /** Ends the program as it writes for this time: before or after the record is on disk. */
  killAt?: { readonly write: number; readonly done: boolean } | undefined;
}
export class Killed extends Error {}

export function handsOf(
  provider: Provider,
  prover: AccountMachine["prover"],
  signer: Wallet | undefined = undefined,
): Hands {
  const machine: Hands = {
    provider,
    signer: signer?.connect(provider),
    prover,
    patience: 20_000,
    kept: undefined,
    asked: [],
    writes: 0,
    async consent(leaving) {
      machine.asked.push(leaving);
    },
    store: {
      // As from its file.
      read: async () => machine.kept && readAccountRecord(formatJson(machine.kept), "account.json"),
      async write(record) {
        machine.writes++;
        const { killAt } = machine;
        if (killAt?.write === machine.writes && !killAt.done) throw new Killed();
        machine.kept = structuredClone(record);
        if (killAt?.write === machine.writes) throw new Killed();
      },
    },
  };
  return machine;
}

/** An account of a new owner, with so many dollars in its wallet. */
export async function openedAt(
  { venue, provider, prover }: { venue: Venue; provider: Provider; prover: AccountMachine["prover"] },
  dollars = 1_000_000n,
) {
  const wallet = Wallet.createRandom() as unknown as Wallet;
  const machine = handsOf(provider, prover, new Wallet(wallet.privateKey));
  const viewingKey = randomViewingKey();
  await venue.give(wallet.address, CASH_INDEX, dollars * 1_000_000n);
  const gate = await venue.gate.getAddress();
  const answer = await openAccount(machine, { viewingKey, gate });
  if (!("asked" in answer)) throw new Error("nobody was asked");
  const view = await gateAt(provider, gate);
  const agreement = await agreeToOpening({ signer: venue.operator as never, view }, answer.asked, viewingKey);
  const done = await openAccount(machine, { viewingKey, agreement });
  if (!("opened" in done)) throw new Error("not opened");
  await done.opened.acknowledge();
  return { machine, viewingKey, wallet, account: done.opened.account };
}

/** A call that whoever asked has been told of. */
export async function told(work: Promise<Done>): Promise<Done> {
  const done = await work;
  await done.acknowledge();
  return done;
}

/** Our error that a call ends with; a failure where it does not. */
export const refusalOf = (work: Promise<unknown>): Promise<PlimsollError> =>
  work.then(
    () => expect.fail("it was not refused"),
    (error) => {
      expect(error).instanceOf(PlimsollError);
      return error as PlimsollError;
    },
  );
