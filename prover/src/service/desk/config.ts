// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll-desk/1`: what a desk follows, whom it tells, and what it may do. */
import path from "node:path";
import { z } from "zod";
import { PlimsollError } from "../../errors.ts";
import type { NamedText } from "../../formats/account.ts";
import { parseJson } from "../../formats/json.ts";
import { isLabel, LABEL_RULE } from "../../formats/labels.ts";
import { LEVELS } from "../../formats/policy.ts";
import { conform } from "../../risk/input.ts";

export const DESK_FORMAT = "plimsoll-desk/1";
const label = z.string().refine(isLabel, LABEL_RULE);
const file = z.string().min(1);
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "expected an address: 0x and 40 hexadecimal digits");
const whole = (most: number) => z.int().min(1).max(most);

/** Where epochs come from. In all cases the policy is a file that the firm has checked. */
const epochs = z.discriminatedUnion("from", [
  z.strictObject({
    from: z.literal("files"),
    policy: file,
    market: file,
    /** What the market follows from: prices can be moved in a what-if where it is given. */
    input: file.optional(),
  }),
  z.strictObject({
    from: z.literal("oracle"),
    policy: file,
    /** Nodes of the oracle, asked in turn. Nothing that they say is trusted. */
    urls: z
      .array(z.url({ protocol: /^https?$/ }))
      .min(1)
      .max(32),
    chainId: z.string().regex(/^[1-9][0-9]{0,18}$/, "expected the number of a chain"),
    oracle: address,
    board: z.string().regex(/^[1-9][0-9]{0,9}$/, "expected the number of a board"),
    risk: file,
    reporters: z.array(address).min(1).max(32),
    quorum: whole(31),
  }),
  z.strictObject({
    from: z.literal("chain"),
    policy: file,
    gate: address,
    /** An earlier market of the venue: the chain has values and no names. */
    names: file,
  }),
]);

const hook = z.strictObject({
  name: label,
  url: z.url({ protocol: /^https?$/ }),
  /** A file that its owner alone can read: one secret a line, the first two are used; of PagerDuty the routing key. */
  secret: file,
  shape: z.enum(["plimsoll", "slack", "pagerduty"]),
});

const decimal = z.string().regex(/^(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?$/, 'expected a decimal such as "2500.5"');
const asset = z.string().min(1).max(64);
/** What all rules have. */
const common = {
  name: label,
  /** All accounts unless named; of those at a gate, where it is about the chain. */
  accounts: z.array(label).optional(),
  /** Whether an approver has to agree first. */
  approval: z.boolean(),
  /** Seconds after which an alert is raised where what was asked for is not done; an hour unless given. */
  lateSeconds: whole(31_536_000).optional(),
};
const atLeast = z.enum(LEVELS);
export const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;

const rule = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("prove"),
    ...common,
    /** The level that is proven to be held. */
    atLeast,
    audience: label,
    /** At every epoch, or at the first epoch of a day in UTC. */
    when: z.enum(["every epoch", "every day"]),
  }),
  z.strictObject({
    kind: z.literal("attest"),
    ...common,
    atLeast,
    when: z.enum(["every epoch", "every day", "when old"]),
    /** Of "when old": seconds on the board's clock since the last attestation. */
    olderThanSeconds: whole(31_536_000).optional(),
  }),
  z.strictObject({
    kind: z.literal("top up"),
    ...common,
    /** The level below which it is paid in. */
    below: atLeast,
    asset,
    /** In whole units. */
    amount: decimal,
  }),
  z.strictObject({
    kind: z.literal("pack"),
    ...common,
    atLeast,
    audience: label,
    every: z.enum(["day", "week", "month"]),
    /** Of a week; Monday unless given. */
    weekday: z.enum(WEEKDAYS).optional(),
    /** Of a month; the first unless given. */
    day: whole(28).optional(),
    /** Time of the day, UTC. */
    at: z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, "expected a time such as 06:00"),
    firm: label,
    question: label,
    /** The key that seals it (plimsoll pack key), which its owner alone can read. */
    key: file,
  }),
]);

const chain = z.strictObject({
  /** A file that its owner alone can read, with the address of the chain's node. */
  rpc: file,
  /** Blocks in which a transaction has to be before the desk counts on it. */
  confirmations: whole(1000),
  transactionsPerDay: whole(10_000),
  /** What gas of a transaction may cost, in the chain's own currency. */
  gasPerTransaction: decimal,
  /** What top-ups of all accounts may pay in on a day in UTC, in whole units. */
  limits: z.array(z.strictObject({ asset, perDay: decimal })).max(16),
});

const atGate = z.strictObject({
  /** What its owner keeps of the account: `plimsoll account` makes it. */
  file,
  signer: z.discriminatedUnion("by", [
    z.strictObject({ by: z.literal("keystore"), file, passphrase: file }),
    /** An address that the node signs for. */
    z.strictObject({ by: z.literal("node"), address }),
    /** A person, with the wallet in the browser. */
    z.strictObject({ by: z.literal("wallet") }),
  ]),
});

const forecast = z.strictObject({
  /** Daily closes, one file an asset, named by it; read again once they have changed. */
  prices: z.array(file).min(1).max(100),
  /** Days of which somebody has looked at what the checks of the histories name. */
  confirmed: z
    .array(z.string().regex(/^\d{4}-\d{2}-\d{2}$/, "expected a date such as 2020-03-12"))
    .max(1000)
    .optional(),
  /** How far ahead. */
  hours: whole(720),
  /** Seconds of the market's time between two forecasts of an account. */
  everySeconds: whole(86_400),
  /** Chance of falling below the call level, in percent, from which an alert is raised. */
  alertPercent: whole(99),
});

const config = z.strictObject({
  format: z.literal(DESK_FORMAT),
  name: label,
  listen: z.strictObject({
    host: z.string().min(1),
    port: z.int().min(0).max(65_535),
    /** By which browsers reach it where a proxy is in between, such as "https://desk.example". */
    origin: z.url({ protocol: /^https?$/ }).optional(),
  }),
  store: file,
  /** Hashes of the tokens that people and programs sign in with: `plimsoll desk token`. */
  tokens: file,
  /** A directory for the proofs and packs that rules make. */
  proofs: file,
  epochs,
  /** Seconds between two epochs: an alert is raised after twice as long without one. */
  epochSeconds: whole(86_400),
  accounts: z
    .array(
      z.strictObject({
        file,
        /** Its viewing key, which its owner alone can read; needed for proofs. */
        key: file.optional(),
        /** An alert is raised once its file is older than this. Never unless given. */
        maxAgeSeconds: whole(31_536_000).optional(),
        /** Where it is on the chain. */
        chain: atGate.optional(),
      }),
    )
    .min(1)
    .max(1000),
  /** Basis points of coverage above a level within which an account is near it. */
  nearBps: z.int().min(0).max(100_000),
  forecast: forecast.optional(),
  rules: z.array(rule).max(100),
  chain: chain.optional(),
  webhooks: z.array(hook).max(20),
  /** Days after which readings are forgotten. */
  keepDays: whole(3650),
});

export type DeskConfig = z.infer<typeof config>;
export type DeskDocument = z.input<typeof config>;
export type Hook = DeskConfig["webhooks"][number];
export type Rule = DeskConfig["rules"][number];
export type RuleOf<Kind extends Rule["kind"]> = Extract<Rule, { kind: Kind }>;
export type ChainTerms = NonNullable<DeskConfig["chain"]>;
export type AtGate = NonNullable<DeskConfig["accounts"][number]["chain"]>;

const LIMITS = { length: 1_000_000, values: 20_000 };

function signerAt(signer: AtGate["signer"], at: (file: string) => string): AtGate["signer"] {
  return signer.by === "keystore" ? { ...signer, file: at(signer.file), passphrase: at(signer.passphrase) } : signer;
}

function epochsAt(of: DeskConfig["epochs"], at: (file: string) => string): DeskConfig["epochs"] {
  const policy = at(of.policy);
  if (of.from === "oracle") return { ...of, policy, risk: at(of.risk) };
  if (of.from === "chain") return { ...of, policy, names: at(of.names) };
  return { ...of, policy, market: at(of.market), ...(of.input !== undefined && { input: at(of.input) }) };
}

/** What one part asks of another. */
function checkWhole({ epochs: of, forecast: ahead, chain: on, accounts, rules }: DeskConfig, file: string): void {
  const refuse = (field: string, rule: string) => {
    throw new PlimsollError("FIELD_INVALID", rule, { file, field });
  };
  if (ahead !== undefined && of.from === "files" && of.input === undefined) {
    refuse("epochs.input", "a forecast needs what the market follows from");
  }
  if (ahead !== undefined && of.from === "chain") {
    refuse("forecast", "a forecast needs what the market follows from, which the chain does not have");
  }
  if (on === undefined && of.from === "chain") refuse("chain", "epochs of a chain need its node");
  for (const [index, account] of accounts.entries()) {
    if (account.chain === undefined) continue;
    if (on === undefined) refuse("chain", "an account at a gate needs the chain's node and limits");
    if (account.key === undefined) refuse(`accounts[${index}].key`, "an account at a gate needs its viewing key");
  }
  if (new Set(rules.map(({ name }) => name)).size < rules.length) refuse("rules", "two rules have the same name");
  for (const [index, each] of rules.entries()) {
    if (each.kind !== "attest" && each.kind !== "top up") continue;
    if (on === undefined) refuse("chain", `rules[${index}] needs the chain's node and limits`);
    if (each.kind === "attest" && (each.when === "when old") !== (each.olderThanSeconds !== undefined)) {
      refuse(`rules[${index}].olderThanSeconds`, '"when old" and olderThanSeconds go together');
    }
    if (each.kind === "top up" && !on!.limits.some((limit) => limit.asset === each.asset)) {
      refuse("chain.limits", `no limit of a day for the asset of rules[${index}]`);
    }
  }
}

/** Reads a configuration. Paths come out resolved: in the file they are relative to it. Throws `FIELD_INVALID`. */
export function readDeskConfig({ text, file: name }: NamedText): DeskConfig {
  const given = conform(config, parseJson(text, name, LIMITS).plain(), { file: name });
  const at = (each: string) => path.resolve(path.dirname(name), each);
  const { epochs: of, forecast: ahead } = given;
  checkWhole(given, name);
  return {
    ...given,
    ...(ahead !== undefined && { forecast: { ...ahead, prices: ahead.prices.map(at) } }),
    store: at(given.store),
    tokens: at(given.tokens),
    proofs: at(given.proofs),
    epochs: epochsAt(of, at),
    ...(given.chain !== undefined && { chain: { ...given.chain, rpc: at(given.chain.rpc) } }),
    rules: given.rules.map((each) => (each.kind === "pack" ? { ...each, key: at(each.key) } : each)),
    accounts: given.accounts.map(({ file: each, key, chain: gate, ...rest }) => ({
      ...rest,
      file: at(each),
      ...(key !== undefined && { key: at(key) }),
      ...(gate !== undefined && { chain: { file: at(gate.file), signer: signerAt(gate.signer, at) } }),
    })),
    webhooks: given.webhooks.map((each) => ({ ...each, secret: at(each.secret) })),
  };
}
