// SPDX-License-Identifier: GPL-3.0-or-later
/** What of a configuration's files is checked when a desk starts, so that none is found wrong at the first proof or what-if. */
import path from "node:path";
import { isKeyOf, readAccountRecord } from "../../chain/account-record.ts";
import { PlimsollError } from "../../errors.ts";
import type { FieldElement } from "../../field.ts";
import { readViewingKey } from "../../formats/account.ts";
import { visible } from "../../formats/labels.ts";
import { readMarketDocument } from "../../formats/market.ts";
import { type Inputs, readKeptSecret } from "../../node/files.ts";
import { buildMarket } from "../../risk/board/board.ts";
import { compareMarkets } from "../../risk/board/explain.ts";
import { type MarketInput, readMarketInput } from "../../risk/input.ts";
import type { DeskConfig } from "./config.ts";
import type { DeskMachine } from "./desk.ts";

/**
 * Reads every secret, and what the market follows from. Throws `FILE` for a secret that others can read, and `FIELD_INVALID`, naming
 * the entry: a viewing key that is none, one that does not open what is kept of its account at a gate, an input that is none, one from
 * which the market of the same epoch does not follow.
 *
 * Unchecked: the viewing key of an account without a gate, which nothing ties to it; an input of another epoch than the market's, of which
 * the log is told; and files that are not there yet or are being written, of which an alert tells.
 */
export async function checkEntries(config: DeskConfig, inputs: Inputs, log: DeskMachine["log"]): Promise<void> {
  for (const [index, account] of config.accounts.entries()) await checkKey(account, `accounts[${index}].key`, inputs);
  const others = [
    ...config.accounts.flatMap(({ chain }) =>
      chain?.signer.by === "keystore" ? [chain.signer.file, chain.signer.passphrase] : [],
    ),
    ...config.webhooks.map(({ secret }) => secret),
    ...config.rules.flatMap((rule) => (rule.kind === "pack" ? [rule.key] : [])),
    ...(config.chain === undefined ? [] : [config.chain.rpc]),
  ];
  for (const file of others) await readKeptSecret(file);
  await checkInput(config, inputs, log);
}

const refused = (field: string, rule: string) => new PlimsollError("FIELD_INVALID", rule, { field });
const named = (file: string) => path.basename(file);

async function checkKey(
  { file, key, chain }: DeskConfig["accounts"][number],
  field: string,
  inputs: Inputs,
): Promise<void> {
  if (key === undefined) return;
  const text = await readKeptSecret(key);
  let viewingKey: FieldElement;
  try {
    viewingKey = readViewingKey(text, key);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    throw refused(field, `${named(key)} is no viewing key: ${error.rule}`);
  }
  if (chain === undefined) return;
  const kept = await ifThere(() => inputs.text(chain.file));
  if (kept === undefined || isKeyOf(viewingKey, readAccountRecord(kept.text, kept.file))) return;
  throw refused(
    field,
    `${named(key)} is not the viewing key of the account of ${named(file)}: it does not open ${named(chain.file)}`,
  );
}

async function checkInput({ epochs }: DeskConfig, inputs: Inputs, log: DeskMachine["log"]): Promise<void> {
  if (epochs.from !== "files" || epochs.input === undefined) return;
  const file = named(epochs.input);
  const given = await ifThere(() => inputs.text(epochs.input!));
  const published = await ifThere(async () => {
    const { text } = await inputs.text(epochs.market);
    return readMarketDocument(text, epochs.market);
  });
  if (given === undefined) return;
  let input: MarketInput;
  try {
    input = readMarketInput(given.text, given.file);
  } catch (error) {
    if (!(error instanceof PlimsollError) || error.code !== "FIELD_INVALID") return;
    const { field } = error.place;
    throw refused(
      "epochs.input",
      `${file} is no market input: ${field === undefined ? "" : `${field}: `}${error.rule}`,
    );
  }
  if (published === undefined) return;
  const { epoch } = input.observation;
  if (epoch !== published.epoch) {
    log({
      event: "no what-if of prices yet",
      why: `epochs.input is of epoch ${epoch}, the market of ${published.epoch}`,
    });
    return;
  }
  const [difference] = compareMarkets(published, followingFrom(input, file));
  if (difference === undefined) return;
  const rule = `${file} is not the input of ${named(epochs.market)}: of the same epoch, another ${visible(difference.place)} follows from it`;
  throw refused("epochs.input", rule);
}

function followingFrom(input: MarketInput, file: string) {
  try {
    return buildMarket(input);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    throw refused("epochs.input", `no market follows from ${file}: ${error.message}`);
  }
}

/** What the desk's first look tells of by itself: a file that is not there, is being written, or is no market. */
async function ifThere<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PlimsollError && error.code !== "CANCELLED") return undefined;
    throw error;
  }
}
