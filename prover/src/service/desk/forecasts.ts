// SPDX-License-Identifier: GPL-3.0-or-later
/** Forecasts of a desk's accounts, one after the other beside its other work, each anew once its time has come. */
import { stat } from "node:fs/promises";
import type { Condition } from "../../app/desk/conditions.ts";
import { type ForecastMarket, forecastAccount, forecastConditions, outlookOf } from "../../app/desk/forecast.ts";
import { PlimsollError } from "../../errors.ts";
import type { AccountFile, NamedText } from "../../formats/account.ts";
import { unixTime } from "../../formats/time.ts";
import type { Inputs } from "../../node/files.ts";
import { readHistories } from "../../node/histories.ts";
import { priceInstruments } from "../../risk/board/board.ts";
import type { DeskConfig } from "./config.ts";
import type { DeskEpoch } from "./epochs.ts";
import type { Store } from "./store.ts";

type Terms = NonNullable<DeskConfig["forecast"]>;
type Past = Pick<ForecastMarket, "histories" | "outlook">;

/** An account as it was read and valued last. */
export interface HeldAccount {
  readonly under: DeskEpoch;
  readonly text: NamedText;
  readonly holder: AccountFile;
}

/** How keys of its conditions begin. */
const NONE = "forecast";

export class Forecaster {
  readonly #terms: Terms;
  readonly #inputs: Inputs;
  readonly #store: Store;
  /** What was read of the histories last: of files and a day, whether it holds or is refused. */
  #past: { readonly of: string; readonly known: Past | Condition } | undefined;
  #market: { readonly of: DeskEpoch; readonly past: Past; readonly values: ForecastMarket } | undefined;
  /** By account: what its last forecast was made of, and why none could be made. */
  readonly #made = new Map<string, { readonly time: string; readonly text: string; readonly fault?: Condition }>();

  constructor(terms: Terms, inputs: Inputs, store: Store) {
    this.#terms = terms;
    this.#inputs = inputs;
    this.#store = store;
  }

  /** Makes one forecast that is due. Says whether there was one. */
  async next(accounts: Iterable<HeldAccount>): Promise<boolean> {
    for (const account of accounts) {
      const { under, text, holder } = account;
      const { input, market } = under;
      if (input === undefined || !this.#isDue(account)) continue;
      const past = await this.#pastAt(market.time);
      if ("key" in past) return false;
      const made = { time: market.time, text: text.text };
      try {
        const forecast = forecastAccount(holder, this.#marketOf(under, past), this.#terms.hours);
        this.#store.keepForecast({ ...forecast, epoch: market.epoch.toString() });
        this.#made.set(holder.name, made);
      } catch (error) {
        // What it says may name what the account holds.
        const code = error instanceof PlimsollError ? error.code : "INTERNAL";
        const words = `No forecast of ${holder.name} can be made: ${code}.`;
        const fault = {
          key: `${NONE} ${holder.name}`,
          account: holder.name,
          severity: "warning",
          text: words,
        } as const;
        this.#made.set(holder.name, { ...made, fault });
      }
      return true;
    }
    return false;
  }

  #isDue({ under: { market }, text, holder }: HeldAccount): boolean {
    const last = this.#made.get(holder.name);
    if (last === undefined || last.text !== text.text) return true;
    return unixTime(market.time) - unixTime(last.time) >= this.#terms.everySeconds;
  }

  /** Histories are read again once a file or the market's day has changed. */
  async #pastAt(time: string): Promise<Past | Condition> {
    const { prices, confirmed = [] } = this.#terms;
    const stamps = await Promise.all(prices.map((file) => stat(file).then((of) => `${of.mtimeMs} ${of.size}`, String)));
    const of = [time.slice(0, 10), ...stamps].join("\n");
    if (this.#past?.of === of) return this.#past.known;
    let known: Past | Condition;
    try {
      const histories = await readHistories(this.#inputs, prices);
      known = { histories, outlook: outlookOf(histories, { time, confirmed }) };
    } catch (error) {
      const why = error instanceof PlimsollError ? error.message : "an unexpected fault";
      known = { key: `${NONE}s`, account: null, severity: "warning", text: `No forecast can be made: ${why}.` };
    }
    this.#past = { of, known };
    return known;
  }

  #marketOf(under: DeskEpoch, past: Past): ForecastMarket {
    if (this.#market?.of !== under || this.#market.past !== past) {
      const { policy, market, input } = under;
      const values = { policy, market, input: input!, ...past, priced: priceInstruments(input!) };
      this.#market = { of: under, past, values };
    }
    return this.#market.values;
  }

  /** What is foreseen of accounts that are known, and why nothing is. */
  conditions(isKnown: (account: string) => boolean): Condition[] {
    const foreseen = this.#store
      .latestForecasts()
      .filter(({ account }) => isKnown(account) && this.#made.get(account)?.fault === undefined)
      .flatMap((forecast) => forecastConditions(forecast, this.#terms.alertPercent));
    const faults = [...this.#made.values()].flatMap(({ fault }) => fault ?? []);
    const past = this.#past?.known;
    return [...foreseen, ...faults, ...(past !== undefined && "key" in past ? [past] : [])];
  }
}
