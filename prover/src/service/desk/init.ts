// SPDX-License-Identifier: GPL-3.0-or-later
/** The first configuration of a desk, from a few answers. */
import { PlimsollError } from "../../errors.ts";
import { DESK_FORMAT, type DeskDocument } from "./config.ts";

/** As people answer: lists with spaces between their entries, numbers as text, "none" for no keys. */
export interface InitAnswers {
  readonly name: string;
  readonly policy: string;
  readonly market: string;
  readonly accounts: string;
  readonly keys: string;
  readonly seconds: string;
  readonly port: string;
}

/** First port that a program may listen on without the rights of an administrator. */
const FIRST_PORT = 1024;

/** Throws `FIELD_INVALID` where there are not as many keys as accounts, and for a port that is the system's. */
export function deskDocument({ name, policy, market, accounts, keys, seconds, port }: InitAnswers): DeskDocument {
  const files = accounts.split(/\s+/);
  const keyFiles = keys === "none" ? [] : keys.split(/\s+/);
  if (keyFiles.length !== 0 && keyFiles.length !== files.length) {
    const rule = `expected ${files.length} viewing keys, one for each account, or none`;
    throw new PlimsollError("FIELD_INVALID", rule, { field: "keys" });
  }
  if (Number(port) > 0 && Number(port) < FIRST_PORT) {
    const rule = `expected ${FIRST_PORT} to 65535: ports below are the system's. Who wants one writes it into the configuration by hand`;
    throw new PlimsollError("FIELD_INVALID", rule, { field: "port" });
  }
  return {
    format: DESK_FORMAT,
    name,
    listen: { host: "127.0.0.1", port: Number(port) },
    store: "desk.sqlite",
    tokens: "desk-tokens.json",
    proofs: "proofs",
    epochs: { from: "files", policy, market },
    epochSeconds: Number(seconds),
    accounts: files.map((file, index) => ({ file, ...(keyFiles[index] !== undefined && { key: keyFiles[index] }) })),
    nearBps: 1000,
    rules: [],
    webhooks: [],
    keepDays: 40,
  };
}
