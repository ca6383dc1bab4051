// SPDX-License-Identifier: GPL-3.0-or-later
/** What is looked at after every epoch: the chain against the model, and the model against what the pages promise. */
import { withCredit } from "../../prover/src/model/lot.ts";
import { CASH, CASH_WORTH, type Holder, ITEMS, stateOf, Violation, valued } from "./model.ts";
import type { Venue } from "./venue.ts";

const fail = (what: string): never => {
  throw new Violation(what);
};

/** Custody is what the model says is claimed: private holdings, credits and the fund. */
async function custody(venue: Venue) {
  for (const [asset, token] of venue.chain.tokens) {
    const unit = venue.unit(asset);
    let claims = asset === CASH ? venue.till.fund : 0n;
    for (const { state, credits } of venue.holders) {
      claims += credits[asset]! + (asset === CASH ? state.cash : state.collateral[asset]!);
    }
    const model = venue.till.custody.get(asset) ?? 0n;
    if (claims !== model) fail(`claims on asset ${asset} are ${claims}, and ${model} came in and stayed`);
    const held = await venue.chain.view<bigint>(token, "balanceOf", venue.system.gate.target);
    if (held !== model * unit) fail(`the gate holds ${held} of asset ${asset}, by the model ${model * unit}`);
    const custody = await venue.chain.view<bigint>(venue.system.gate, "custodyOf", asset);
    if (custody !== held) fail(`custody of asset ${asset} is ${custody}, and the gate holds ${held}`);
  }
  const fund = await venue.chain.view<bigint>(venue.system.gate, "fund");
  if (fund !== venue.till.fund) fail(`the fund has ${fund}, by the model ${venue.till.fund}`);
}

/** The chain has the state, the credit and the stage that the model follows: nobody has less than the model says. */
async function account(venue: Venue, holder: Holder) {
  const { gate } = venue.system;
  const who = `account ${holder.id} (${holder.part})`;
  const found = await venue.chain.view<{ state: bigint; owed: bigint }>(gate, "accountOf", holder.id);
  if (found.state !== stateOf(holder.state)) fail(`${who} is in a state that the model does not know`);
  if (found.owed !== holder.owed) fail(`${who} owes the fund ${found.owed}, by the model ${holder.owed}`);
  const credits = await venue.chain.view<readonly bigint[]>(gate, "creditsOf", holder.id);
  for (const [asset, lots] of holder.credits.entries()) {
    const expected = lots * venue.unit(asset);
    if (credits[asset] !== expected)
      fail(`${who} has a credit of ${credits[asset]} of asset ${asset}, by the model ${expected}`);
  }
}

/** Every account can be valued, alone and with its credit, and what it is worth is explained to the last unit. */
function evaluable(venue: Venue, holder: Holder) {
  try {
    if (venue.values.standing !== undefined) {
      const { policy, market } = venue.values.published("evidence");
      valued(holder.state, policy, market);
      const owed = holder.credits.some((lots) => lots !== 0n);
      if (owed) valued(withCredit(holder.state, holder.credit), policy, market);
    }
  } catch (error) {
    fail(`account ${holder.id} (${holder.part}) cannot be evaluated: ${(error as Error).message}`);
  }
  const explained = ITEMS.reduce((sum, item) => sum + holder.books[item], 0n);
  const worth = holder.worth(venue.values.fair);
  const apart = explained > worth ? explained - worth : worth - explained;
  if (apart > CASH_WORTH)
    fail(`account ${holder.id} (${holder.part}) is worth ${worth}, of which ${explained} is explained`);
  if (holder.retired && !holder.flat) fail(`account ${holder.id} (${holder.part}) is retired and has positions`);
}

/** What was paid out is in its owner's hands, and nothing else. */
async function wallets(venue: Venue) {
  const owners = new Set(venue.holders.map(({ owner }) => owner.address));
  for (const [asset, token] of venue.chain.tokens) {
    for (const owner of owners) {
      const held = await venue.chain.view<bigint>(token, "balanceOf", owner);
      const expected = (venue.till.paidTo.get(`${owner}/${asset}`) ?? 0n) * venue.unit(asset);
      if (held !== expected) fail(`${owner} has ${held} of asset ${asset} outside, by the model ${expected}`);
    }
  }
}

/** After each epoch; everybody and all wallets where it is `thorough`, else those that something happened to. */
export async function check(venue: Venue, thorough: boolean) {
  for (const holder of venue.holders) evaluable(venue, holder);
  await custody(venue);
  for (const holder of thorough ? venue.holders : venue.touched) await account(venue, holder);
  venue.touched.clear();
  if (thorough) await wallets(venue);
}

/** Of an operator that is there, on a market that is usable: whoever was below the close-out level at the epoch has had a lot since. */
export function nobodyOutran(found: ReadonlyMap<Holder, boolean>) {
  for (const [holder, sold] of found) {
    if (!sold)
      fail(`account ${holder.id} (${holder.part}) was below the close-out level all day, and no lot of it was made`);
  }
}
