// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import { accountWarnings } from "../../prover/src/app/account-warnings.ts";
import { type ErrorCode, PlimsollError } from "../../prover/src/errors.ts";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { type AccountFile, readAccount, readViewingKey, stateDocument } from "../../prover/src/formats/account.ts";
import {
  type AccountTables,
  readAccountTables,
  readTables,
  type TableOptions,
} from "../../prover/src/formats/account-tables.ts";
import { cashOf, type Holding } from "../../prover/src/formats/cash.ts";
import { type Decimal, formatDecimal, formatLots, lotsOf, parseDecimal } from "../../prover/src/formats/decimal.ts";
import { canonicalJson, documentSha256, formatJson, type Json } from "../../prover/src/formats/json.ts";
import { LABEL_RULE } from "../../prover/src/formats/labels.ts";
import { type MarketFile, marketDocument, readMarket } from "../../prover/src/formats/market.ts";
import { type PolicyFile, policyDocument, readPolicy } from "../../prover/src/formats/policy.ts";
import { genesis } from "../../prover/src/model/account.ts";
import { coverageBpsDown, evaluate } from "../../prover/src/model/evaluate.ts";
import { CLOSED_ROW, EMPTY_ROW } from "../../prover/src/model/market.ts";
import { intercepts, NOT_SCANNED, UNLISTED } from "../../prover/src/model/policy.ts";
import { ASSETS, BOARD_SIZES, blocksOf, instrumentsOf, SCENARIOS, TIERS } from "../../prover/src/model/sizes.ts";
import { buildMarketFile } from "../../prover/src/risk/board/board.ts";
import { sampleFirm } from "../../prover/src/risk/board/sample.ts";
import { readMarketInput } from "../../prover/src/risk/input.ts";
import { BPS, type ScanLots } from "../../prover/src/units.ts";

const firm = sampleFirm();
const text = (document: unknown) => formatJson(document);
const policy = readPolicy(text(firm.policy), "policy.json");
const market = readMarket(text(firm.market), "market.json", policy);

/** The same policy with no asset in the scan. */
const unscanned = readPolicy(
  text({ ...firm.policy, assets: firm.policy.assets.map((asset) => ({ ...asset, scanLot: null })) }),
  "policy.json",
);

/** A number that stands for a secret: planted in private input, it must not be in any error. */
const CANARY = "731904562";

function refusal(work: () => unknown): PlimsollError {
  try {
    work();
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
  throw new Error("accepted");
}

type Path = readonly (string | number)[];

/** The document's text with the value at `path` replaced by raw text, and the line on which that stands. */
function damaged(document: unknown, path: Path, raw: string): { text: string; line: number } {
  const copy = structuredClone(document) as Record<string | number, unknown>;
  let parent = copy;
  for (const step of path.slice(0, -1)) parent = parent[step] as typeof parent;
  parent[path.at(-1)!] = "@here@";
  const whole = text(copy);
  return {
    text: whole.replace('"@here@"', () => raw),
    line: whole.slice(0, whole.indexOf("@here@")).split("\n").length,
  };
}

const pathText = (path: Path) =>
  path.reduce<string>(
    (all, step) => (typeof step === "number" ? `${all}[${step}]` : all === "" ? step : `${all}.${step}`),
    "",
  );

interface Document {
  readonly name: string;
  readonly document: unknown;
  readonly read: (text: string) => unknown;
  readonly amounts: readonly Path[];
}

const DOCUMENTS: readonly Document[] = [
  {
    name: "policy.json",
    document: firm.policy,
    read: (body) => readPolicy(body, "policy.json"),
    amounts: [
      ["assets", 0, "tiers", 0, "upTo"],
      ["assets", 1, "tiers", 2, "haircutBps"],
      ["debtRateBps"],
      ["levels", "closeOut"],
    ],
  },
  {
    name: "market.json",
    document: firm.market,
    read: (body) => readMarket(body, "market.json", policy),
    amounts: [
      ["epoch"],
      ["prices", 2, "price"],
      ["instruments", 3, "lot"],
      ["instruments", 3, "profits", 5],
      ["instruments", 3, "mark"],
      ["instruments", 3, "vega"],
      ["instruments", 3, "longCharge"],
      ["blocks", 0, "liquidityThreshold"],
      ["blocks", 0, "liquidityRateBps"],
      ["blocks", 0, "vegaThreshold"],
      ["blocks", 0, "vegaRateBps"],
    ],
  },
  {
    name: "account.json",
    document: firm.atlas,
    read: (body) => readAccount(body, "account.json", policy, market),
    amounts: [["cash"], ["collateral", "ETH"], ["positions", "BTC-PERP"], ["sequence"]],
  },
  {
    name: "books.json",
    document: firm.atlasBooks,
    read: (body) => readAccount(body, "books.json", policy, market),
    amounts: [["collateral", "ETH"], ["positions", "BTC-PERP", "quantity"], ["sequence"]],
  },
];

describe("documents", () => {
  it("say which format a document has that was given for another, and repeat nothing else of it", () => {
    const given = (format: string) => () => readPolicy(JSON.stringify({ format, account: "7731" }), "policy.json");
    expect(given("plimsoll-account/2"))
      .throw(PlimsollError, "a field that is not known here; the file says that it is plimsoll-account/2")
      .property("code", "FIELD_INVALID");
    // Also where it is too large for what it was given as.
    expect(() => readPolicy(JSON.stringify(firm.market), "policy.json"))
      .throw(PlimsollError, "expected at most 2000 values; the file says that it is plimsoll-market/2")
      .property("code", "TOO_LARGE");
    expect(given("secret 7731")).throw(PlimsollError).property("message").not.contain("7731");
    const number = JSON.stringify({ ...firm.policy, name: 5 });
    expect(() => readPolicy(number, "policy.json")).throw(PlimsollError, "found number; write it in quotes");
  });

  it("say of a cell what is in the way of its amount", () => {
    for (const [text, why] of [
      ["", "found nothing; write 0 for no amount"],
      [".5", "found a point without a digit before it; write a zero there"],
      ["#REF!", "found a spreadsheet's error, such as #REF!; mend the cell"],
    ] as const) {
      expect(() => parseDecimal(text), text).throw(PlimsollError, why);
    }
  });

  for (const { name, document, read, amounts } of DOCUMENTS) {
    const hostile: readonly [what: string, raw: string, code: ErrorCode][] = [
      ["1e21", "1e21", "FIELD_INVALID"],
      ['"1e21"', '"1e21"', "FIELD_INVALID"],
      ["an empty string", '""', "FIELD_INVALID"],
      ["true", "true", "FIELD_INVALID"],
      ["null", "null", "FIELD_INVALID"],
      ["2^53 + 1 as a number", "9007199254740993", "FIELD_INVALID"],
      ["a small number", "1", "FIELD_INVALID"],
      ["0x10", '"0x10"', "FIELD_INVALID"],
      ["a leading space", '" 1"', "FIELD_INVALID"],
      ["a trailing space", '"1 "', "FIELD_INVALID"],
      ["a trailing newline", '"1\\n"', "FIELD_INVALID"],
      ["a plus sign", '"+1"', "FIELD_INVALID"],
      ["a leading zero", '"01"', "FIELD_INVALID"],
      ["minus zero", '"-0.0"', "FIELD_INVALID"],
      ["a bare point", '"1."', "FIELD_INVALID"],
      ["digits of another script", '"１２"', "FIELD_INVALID"],
      ["grouping", '"1,000"', "FIELD_INVALID"],
      ["x + r", `"${FIELD_ORDER + BigInt(CANARY)}"`, "FIELD_INVALID"],
      ["nested arrays", `[[["${CANARY}"]]]`, "FIELD_INVALID"],
      ["an object", `{"a":"${CANARY}"}`, "FIELD_INVALID"],
      ["2^90", `"${1n << 90n}"`, "OUT_OF_RANGE"],
      ["-2^90", `"-${1n << 90n}"`, "OUT_OF_RANGE"],
      ["too many decimals", `"0.${"0".repeat(20)}1"`, "NOT_A_MULTIPLE"],
    ];
    for (const [what, raw, code] of hostile) {
      it(`P01: ${name} refuses ${what} for an amount, naming file, line and field, not the value`, () => {
        for (const path of amounts) {
          // A lot may have any decimals and any size; it is only divided by.
          if (path.at(-1) === "lot" && code !== "FIELD_INVALID" && !raw.startsWith('"-')) continue;
          const { text: body, line } = damaged(document, path, raw);
          const error = refusal(() => read(body));
          expect(error.code, pathText(path)).to.equal(code);
          expect(error.place).to.deep.equal({ file: name, line, field: pathText(path) });
          expect(error.message).to.not.include(CANARY);
        }
      });
    }

    it(`P01: ${name} refuses 1.5 where an integer is due`, () => {
      for (const path of amounts.filter((path) => /Bps|epoch|sequence|closeOut/.test(String(path.at(-1))))) {
        expect(refusal(() => read(damaged(document, path, '"1.5"').text))).to.include({ code: "NOT_A_MULTIPLE" });
      }
    });

    it(`P01: ${name} refuses unknown, duplicate, missing and __proto__ fields without repeating their names`, () => {
      const whole = text(document);
      const first = whole.slice(0, whole.indexOf("\n") + 1);
      const rest = whole.slice(first.length);
      const cases: [string, number][] = [
        [`${first}"secret${CANARY}": "1",\n${rest}`, 2],
        [`${first}"__proto__": {"a": "${CANARY}"},\n${rest}`, 2],
        [`${first}"constructor": "${CANARY}",\n${rest}`, 2],
        [`${first}${rest.split("\n")[0]}\n${rest}`, 3],
        [whole.replace(/"format".*\n/, ""), 1],
        [whole.replace(/"format"/, '"f\\u006frmat2"'), 2],
      ];
      for (const [body, line] of cases) {
        const error = refusal(() => read(body));
        expect(error.code).to.equal("FIELD_INVALID");
        expect(error.place).to.include({ file: name, line });
        expect(error.message).to.not.include(CANARY).and.to.not.include("proto");
      }
    });

    it(`P01: ${name} refuses text that is not JSON, naming the line`, () => {
      const whole = text(document);
      const lines = whole.split("\n").length;
      const cases: [string, number][] = [
        ["", 1],
        [whole.slice(0, -3), lines - 2],
        [`${whole}${CANARY}`, lines],
        [`// ${CANARY}\n${whole}`, 1],
        [whole.replace('": ', '" '), 2],
        [whole.replace(",\n", ",,\n"), 2],
        [whole.replace(/\n\}\n$/, ",\n}\n"), lines - 1],
        [whole.replace("plimsoll", "plim\nsoll"), 2],
        [whole.replace("plimsoll", "plim\u0000soll"), 2],
      ];
      for (const [body, line] of cases) {
        const error = refusal(() => read(body));
        expect(error.code).to.equal("SYNTAX");
        expect(error.place.file).to.equal(name);
        expect(error.place.line).to.be.within(line - 1, line);
        expect(error.message).to.not.include(CANARY);
      }
      expect(refusal(() => read("[".repeat(100_000))).code).to.equal("TOO_LARGE");
      for (const body of ["null", "[]", '"a"', "1"]) expect(refusal(() => read(body)).code).to.equal("FIELD_INVALID");
    });

    it(`P03: ${name} is read with a byte order mark and with CRLF`, () => {
      expect(read(`\uFEFF${text(document).replaceAll("\n", "\r\n")}`)).to.deep.equal(read(text(document)));
    });
  }

  it("P01: counts are plain JSON numbers in their range", () => {
    for (const raw of ['"8"', "9", "-1", "1.5", "8e0", "8.0", "true", "1e21"]) {
      const { text: body, line } = damaged(firm.policy, ["assets", 1, "lotDecimals"], raw);
      const error = refusal(() => readPolicy(body, "policy.json"));
      expect(error.code).to.equal("FIELD_INVALID");
      expect(error.place).to.deep.equal({ file: "policy.json", line, field: "assets[1].lotDecimals" });
    }
    const cash = damaged(firm.policy, ["cash", "decimals"], "18");
    expect(refusal(() => readPolicy(cash.text, "policy.json")).place.field).to.equal("cash.decimals");
  });

  it("refuses a policy whose tiers or levels are out of order, or whose symbols repeat, at their lines", () => {
    const cases: [Path, string, string][] = [
      [["assets", 0, "tiers", 1, "upTo"], JSON.stringify(firm.policy.assets[0]!.tiers[0]!.upTo), "assets[0].tiers[1]"],
      [["assets", 0, "tiers", 0, "upTo"], '"0"', "assets[0].tiers[0]"],
      [["assets", 0, "tiers", 1, "haircutBps"], '"1"', "assets[0].tiers[1]"],
      [["assets", 0, "tiers", 1, "haircutBps"], '"10001"', "assets[0].tiers[1].haircutBps"],
      [["levels", "call"], '"15001"', "levels.call"],
      [["assets", 1, "scanLot"], '"0"', "assets[1].scanLot"],
      [["assets", 1, "scanLot"], '"-0.01"', "assets[1].scanLot"],
      [["assets", 1, "scanLot"], '"0.000000001"', "assets[1].scanLot"],
      [["assets", 1, "scanLot"], "0.01", "assets[1].scanLot"],
      [["debtRateBps"], '"10001"', "debtRateBps"],
      [["debtRateBps"], '"-1"', "debtRateBps"],
      [["assets", 1, "symbol"], '"BTC"', "assets[1].symbol"],
      [["assets", 1, "symbol"], '"USDC"', "assets[1].symbol"],
      [["assets", 1, "symbol"], '"a b"', "assets[1].symbol"],
    ];
    for (const [path, raw, field] of cases) {
      const error = refusal(() => readPolicy(damaged(firm.policy, path, raw).text, "policy.json"));
      expect(error.place.field).to.equal(field);
      expect(error.place.line).to.be.a("number");
    }
  });

  it("refuses a market with missing, doubled or unknown prices, instruments twice, bad times and wrong blocks", () => {
    const cases: [Path, string, ErrorCode, string][] = [
      [["prices", 1, "asset"], '"BTC"', "FIELD_INVALID", "prices[1].asset"],
      [["prices", 1, "asset"], '"DOGE"', "UNKNOWN_NAME", "prices[1].asset"],
      [["prices"], "[]", "FIELD_INVALID", "prices"],
      [["prices", 0, "price"], '"184467440737.09551616"', "OUT_OF_RANGE", "prices[0].price"],
      [["instruments", 4, "symbol"], '"BTC-PERP"', "FIELD_INVALID", "instruments[4]"],
      // W23: but for capital letters alone.
      [["instruments", 4, "symbol"], '"btc-Perp"', "FIELD_INVALID", "instruments[4]"],
      [["instruments", 4, "symbol"], "null", "FIELD_INVALID", "instruments[4]"],
      [["instruments", 4, "lot"], '"0"', "OUT_OF_RANGE", "instruments[4].lot"],
      [["instruments", 4, "mark"], '"4398046.511104"', "OUT_OF_RANGE", "instruments[4].mark"],
      [["instruments", 4, "profits"], "[]", "FIELD_INVALID", "instruments[4].profits"],
      [["instruments", 4, "terms"], '{"a":1}', "FIELD_INVALID", "instruments[4].terms"],
      [["instruments", 4, "terms"], '{"__proto__":"x"}', "FIELD_INVALID", "instruments[4].terms"],
      [["instruments", 4, "terms"], '{"a":"x","a":"y"}', "FIELD_INVALID", "instruments[4].terms"],
      [["scenarios", 0], '"\\u001b[2J"', "FIELD_INVALID", "scenarios[0]"],
      [["blocks"], "[]", "FIELD_INVALID", "blocks"],
      [["blocks", 0, "continues"], "true", "OUT_OF_RANGE", "blocks[0].continues"],
      [["time"], '"2026-02-30T08:00:00Z"', "FIELD_INVALID", "time"],
      [["time"], '"2026-11-22T23:59:60Z"', "FIELD_INVALID", "time"],
      [["time"], '""', "FIELD_INVALID", "time"],
      [["time"], '"2026-11-22 08:00"', "FIELD_INVALID", "time"],
    ];
    for (const [path, raw, code, field] of cases) {
      const { text: body, line } = damaged(firm.market, path, raw);
      const error = refusal(() => readMarket(body, "market.json", policy));
      expect(error.code, field).to.equal(code);
      expect(error.place.field).to.equal(field);
      expect(error.place.line).to.be.within(line - 1, line + 1);
    }
  });

  it("W23: refuses symbols that differ in capital letters alone, with both, wherever a board is read", () => {
    const why = (other: string, symbol: string) =>
      `"${other}" differs from "${symbol}" in capital letters alone; rename one`;
    const refused = (work: () => unknown) => refusal(work).rule;
    const change = (document: object, path: Path, raw: string) => damaged(document, path, raw).text;
    expect(refused(() => readPolicy(change(firm.policy, ["assets", 1, "symbol"], '"btc"'), "p"))).equal(
      why("btc", "BTC"),
    );
    expect(refused(() => readPolicy(change(firm.policy, ["assets", 1, "symbol"], '"usdc"'), "p"))).equal(
      why("usdc", "USDC"),
    );
    const published = change(firm.market, ["instruments", 4, "symbol"], '"BTC-Perp"');
    expect(refused(() => readMarket(published, "m", policy))).equal(why("BTC-Perp", "BTC-PERP"));
    const input = readMarketInput(change(firm.marketInput, ["policy", "instruments", 4, "symbol"], '"BTC-Perp"'), "i");
    expect(refused(() => buildMarketFile(input, policy))).equal(why("BTC-Perp", "BTC-PERP"));
    // Of what an account holds, each is one of the list or none.
    const account = change(firm.atlas, ["positions"], '{ "BTC-PERP": "1", "btc-perp": "1" }');
    expect(refused(() => readAccount(account, "a", policy, market))).match(
      /^"btc-perp" is no instrument .*nearest is BTC-PERP/,
    );
  });

  it("converts exactly with the lot, and refuses a remainder", () => {
    const read = (quantity: string) =>
      readAccount(
        damaged(firm.atlas, ["positions", "BTC-PERP"], JSON.stringify(quantity)).text,
        "a.json",
        policy,
        market,
      );
    const row = market.instruments.findIndex((listed) => listed?.symbol === "BTC-PERP");
    expect(read("-1.250").account.positions[row]).to.equal(-1250n);
    expect(read("2147483.647").account.positions[row]).to.equal(2n ** 31n - 1n);
    expect(refusal(() => read("2147483.648")).code).to.equal("OUT_OF_RANGE");
    const error = refusal(() => read("1.2505"));
    expect(error.code).to.equal("NOT_A_MULTIPLE");
    expect(error.message).to.include("a multiple of 0.001").and.not.include("1.2505");
  });

  it("refuses names that policy or market do not list, without repeating them", () => {
    for (const part of ["collateral", "positions"]) {
      const { text: body, line } = damaged(firm.atlas, [part], `{"X${CANARY}":"1"}`);
      const error = refusal(() => readAccount(body, "a.json", policy, market));
      expect(error).to.include({ code: "UNKNOWN_NAME" });
      expect(error.place).to.deep.equal({ file: "a.json", line, field: part });
      expect(error.message).to.not.include(CANARY);
    }
  });

  it("gives a hash that depends on the content and not on the layout", () => {
    const compact = JSON.stringify(firm.policy);
    expect(readPolicy(compact, "p").sha256)
      .to.equal(policy.sha256)
      .and.match(/^[0-9a-f]{64}$/);
    expect(documentSha256(firm.policy as unknown as Json)).to.equal(policy.sha256);
    expect(readPolicy(compact.replace(/"upTo":"(\d+)"/, '"upTo":"$1.0"'), "p").sha256).to.not.equal(policy.sha256);
    expect(canonicalJson({ b: ["é", null, true], a: { z: 1, "": "x" } })).to.equal(
      '{"a":{"":"x","z":1},"b":["é",null,true]}',
    );
    expect(documentSha256({})).to.equal("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  });

  it("reads a viewing key and refuses anything else without showing it", () => {
    expect(readViewingKey("7\n", "key")).to.equal(7n);
    for (const key of ["", "0", "-1", ` ${CANARY}`, `0x${CANARY}`, `${CANARY}\n\n`, `${FIELD_ORDER + 731904562n}`]) {
      const error = refusal(() => readViewingKey(key, "key"));
      expect(error.place).to.deep.equal({ file: "key", line: 1, field: "viewingKey" });
      expect(error.message).to.not.include(CANARY).and.to.not.include(String(FIELD_ORDER).slice(0, 20));
    }
  });
});

describe("tables", () => {
  const PORTFOLIO = "account,asset,amount\n";
  const read = (tables: { portfolio?: string; positions?: string }, name = "atlas") => {
    const named: AccountTables = {
      ...(tables.portfolio === undefined ? {} : { portfolio: { text: tables.portfolio, file: "portfolio.csv" } }),
      ...(tables.positions === undefined ? {} : { positions: { text: tables.positions, file: "positions.csv" } }),
    };
    const options = { noCollateral: tables.portfolio === undefined, noPositions: tables.positions === undefined };
    return readAccountTables(named, name, 3n, policy, market, options);
  };
  const expected = () => {
    const account = genesis("board-60");
    return {
      ...account,
      cash: -1_500_000n,
      collateral: account.collateral.map((_, index) => (index === 0 ? 1_250_000_000n : 0n)),
      // After the three rows for the scan.
      positions: account.positions.map((_, index) => (index === 3 ? -20_000n : 0n)),
      sequence: 3n,
    };
  };

  it("P03: reads LF and CRLF, a byte order mark, quoted fields, and only the account asked for", () => {
    const portfolio = `${PORTFOLIO}boreas,BTC,1\natlas,USDC,-1.5\natlas,BTC,12.50\n`;
    const positions = `account,instrument,quantity,paid\natlas,BTC-PERP,-20,yes\nboreas,BTC-PERP,20,yes\n`;
    const variants = [
      (table: string) => table,
      (table: string) => table.trimEnd(),
      (table: string) => `\uFEFF${table}`,
      (table: string) => table.replaceAll("\n", "\r\n"),
      (table: string) => table.replace(/[^,\n]+/g, '"$&"'),
      (table: string) => `\uFEFF${table.replace(/[^,\n]+/g, '"$&"').replaceAll("\n", "\r\n")}`,
    ];
    for (const variant of variants) {
      const { name, account } = read({ portfolio: variant(portfolio), positions: variant(positions) });
      expect(name).to.equal("atlas");
      expect(account).to.deep.equal(expected());
    }
    expect(read({ positions }).account.cash).to.equal(0n);
    const quoted = `${PORTFOLIO}"desk ‘A’, Zug",USDC,1\n`;
    expect(read({ portfolio: quoted }, "desk ‘A’, Zug").account.cash).to.equal(1_000_000n);
    // Read as one cell, and then no label: it has a quotation mark.
    const doubled = refusal(() => read({ portfolio: `${PORTFOLIO}"desk ""A"", Zug",USDC,1\n` }, "atlas"));
    expect(doubled).to.include({ code: "FIELD_INVALID", rule: LABEL_RULE });
  });

  it("P03: refuses missing and other headers, wrong rows and duplicates by file, line and column", () => {
    const cases: [portfolio: string, code: ErrorCode, line: number, field?: string][] = [
      ["", "SYNTAX", 1],
      [`atlas,BTC,${CANARY}\n`, "SYNTAX", 1],
      ["account,asset\natlas,BTC\n", "SYNTAX", 1],
      [`account,asset,amount,Amount\natlas,BTC,1,${CANARY}\n`, "SYNTAX", 1],
      [`${PORTFOLIO}atlas,BTC,1\natlas,ETH\n`, "SYNTAX", 3],
      [`${PORTFOLIO}atlas,BTC,1,${CANARY}\n`, "SYNTAX", 2],
      [`${PORTFOLIO}atlas,BTC,1\n\natlas,ETH,1\n`, "SYNTAX", 3],
      [`${PORTFOLIO}atlas,BTC,1\natlas,"ETH,${CANARY}\n`, "SYNTAX", 3],
      [`${PORTFOLIO}atlas,B"TC,${CANARY}\n`, "SYNTAX", 2],
      [`${PORTFOLIO}atlas;BTC;${CANARY}\n`, "SYNTAX", 2],
      [`${PORTFOLIO}atlas,BTC,1\natlas,ETH,1\natlas,BTC,${CANARY}\n`, "FIELD_INVALID", 4, "asset"],
      [`${PORTFOLIO}atlas,X${CANARY},1\n`, "UNKNOWN_NAME", 2, "asset"],
      [`${PORTFOLIO}atlas,__proto__,1\n`, "UNKNOWN_NAME", 2, "asset"],
      [`${PORTFOLIO}atlas,BTC,${CANARY}e2\n`, "FIELD_INVALID", 2, "amount"],
      [`${PORTFOLIO}atlas,BTC, ${CANARY}\n`, "FIELD_INVALID", 2, "amount"],
      [`${PORTFOLIO}atlas,BTC,\n`, "FIELD_INVALID", 2, "amount"],
      [`${PORTFOLIO}atlas,BTC,-1\n`, "OUT_OF_RANGE", 2, "amount"],
      [`${PORTFOLIO}atlas,BTC,0.${CANARY}\n`, "NOT_A_MULTIPLE", 2, "amount"],
      [`${PORTFOLIO},BTC,1\n`, "FIELD_INVALID", 2, "account"],
      // Rows of other accounts are checked too.
      [`${PORTFOLIO}atlas,BTC,1\nboreas,BTC,0x${CANARY}\n`, "FIELD_INVALID", 3, "amount"],
    ];
    for (const [portfolio, code, line, field] of cases) {
      const error = refusal(() => read({ portfolio }));
      expect(error.code, portfolio).to.equal(code);
      expect(error.place, portfolio).to.deep.equal({ file: "portfolio.csv", line, ...(field && { field }) });
      expect(error.message).to.not.include(CANARY);
    }
    const other = refusal(() => read({ portfolio: `${PORTFOLIO}boreas,BTC,1\n` }));
    expect(other.code).to.equal("UNKNOWN_NAME");
  });
});

describe("limits", () => {
  /** Refusal within 100 ms of a processor that keeps no memory. The input is made, and flattened, before. */
  function refusedAtOnce(what: string, input: string, read: (input: string) => unknown, code: ErrorCode): void {
    it(`P02: refuses ${what} within 100 ms and without memory growth`, () => {
      input.charCodeAt(input.length - 1);
      const before = process.memoryUsage();
      const start = process.cpuUsage();
      const error = refusal(() => read(input));
      const { user, system } = process.cpuUsage(start);
      const after = process.memoryUsage();
      expect(error.code).to.equal(code);
      expect((user + system) / 1000).to.be.below(100);
      expect(after.heapUsed - before.heapUsed + after.external - before.external).to.be.below(8_000_000);
    });
  }

  const account = (body: string) => readAccount(body, "account.json", policy, market);
  const table = (body: string) =>
    readAccountTables({ positions: { text: body, file: "p.csv" } }, "a", 0n, policy, market, { noCollateral: true });
  const padded = (document: unknown) => text(document).replace("\n", `\n${" ".repeat(10_000_000)}`);

  for (const { name, document, read } of DOCUMENTS)
    refusedAtOnce(`${name} of 10 MB`, padded(document), read, "TOO_LARGE");
  refusedAtOnce(
    "10^6 positions in JSON",
    `{"positions":{${Array.from({ length: 1_000_000 }, (_, index) => `"P${index}":"1"`).join()}}}`,
    account,
    "TOO_LARGE",
  );
  refusedAtOnce(
    "10^6 positions in CSV",
    `account,instrument,quantity\n${"a,BTC-PERP,1\n".repeat(1_000_000)}`,
    table,
    "TOO_LARGE",
  );
  refusedAtOnce("10^5 rows", `account,instrument,quantity\n${"a,b,1\n".repeat(100_000)}`, table, "TOO_LARGE");
  refusedAtOnce(
    "a 10^5-digit integer as a string",
    damaged(firm.atlas, ["cash"], `"${"9".repeat(100_000)}"`).text,
    account,
    "TOO_LARGE",
  );
  refusedAtOnce(
    "a 1,000-digit integer as a string",
    damaged(firm.atlas, ["cash"], `"${"9".repeat(1_000)}"`).text,
    account,
    "FIELD_INVALID",
  );
  refusedAtOnce(
    "a 10^5-digit integer as a number",
    damaged(firm.atlas, ["cash"], "9".repeat(100_000)).text,
    account,
    "FIELD_INVALID",
  );
  refusedAtOnce(
    "a 10^5-digit integer in CSV",
    `account,instrument,quantity\na,BTC-PERP,${"9".repeat(100_000)}\n`,
    table,
    "TOO_LARGE",
  );
  refusedAtOnce(
    "a 10^5-digit viewing key",
    "9".repeat(100_000),
    (body) => readViewingKey(body, "key"),
    "FIELD_INVALID",
  );
  refusedAtOnce("10^5 open brackets", "[".repeat(100_000), account, "TOO_LARGE");
  refusedAtOnce("10^5 empty arrays", `[${"[],".repeat(100_000)}[]]`, account, "TOO_LARGE");

  it("P07: a policy, market or account that fits no board size is refused with the counts", () => {
    const sixteen = {
      ...firm.policy,
      assets: Array.from({ length: 16 }, (_, index) => ({ ...firm.policy.assets[0], symbol: `A${index}` })),
    };
    const empty = { symbol: null };
    const held = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`P${index}`, "1"]));
    const rows = Array.from({ length: 481 }, (_, index) => `a,P${index},1\n`).join("");
    const cases: [() => unknown, string, string | undefined][] = [
      [() => readPolicy(text(sixteen), "f"), "16 assets, but every board size holds at most 15", "assets"],
      [
        () => readMarket(text({ ...firm.market, instruments: new Array(481).fill(empty) }), "f", policy),
        "481 instruments, but the largest board holds 480",
        "instruments",
      ],
      [
        () => account(text({ ...firm.atlas, positions: held(481) })),
        "481 instruments, but the largest board holds 480",
        "positions",
      ],
      [
        () => account(text({ ...firm.atlas, collateral: held(16) })),
        "16 assets, but the largest board holds 15",
        "collateral",
      ],
      [
        () => table(`account,instrument,quantity\n${rows}`),
        "481 instruments, but the largest board holds 480",
        undefined,
      ],
    ];
    for (const [work, rule, field] of cases) {
      const error = refusal(work);
      expect(error).to.include({ code: "NO_BOARD_SIZE", rule });
      expect(error.place.field).to.equal(field);
    }
  });

  it("takes the smallest board that holds the instruments", () => {
    const block = firm.market.blocks[0];
    for (const [count, size] of [
      [0, "board-60"],
      [60, "board-60"],
      [61, "board-240"],
      [240, "board-240"],
      [241, "board-480"],
      [480, "board-480"],
    ] as const) {
      const instruments = new Array(count).fill({ symbol: null });
      const read = (blocks: number) =>
        readMarket(text({ ...firm.market, instruments, blocks: new Array(blocks).fill(block) }), "m", unscanned);
      expect(read(blocksOf(size)).market.board.size).to.equal(size);
      expect(refusal(() => read(blocksOf(size) + 1)).place.field).to.equal("blocks");
    }
  });
});

describe("the scan of collateral", () => {
  const at = (index: number, change: object) =>
    text({
      ...firm.market,
      instruments: firm.market.instruments.map((row, place) => (place === index ? { ...row, ...change } : row)),
    });

  it("P03: refuses a market without a row for a scanned asset, or with a row of another lot, by the row's place", () => {
    const empty = text({
      ...firm.market,
      instruments: firm.market.instruments.map((row, place) => (place === 1 ? { symbol: null } : row)),
    });
    for (const [body, index, lot] of [
      [empty, 1, "0.01"],
      [at(0, { lot: "0.01" }), 0, "0.001"],
      [at(2, { lot: "0.1" }), 2, "0.01"],
    ] as const) {
      const error = refusal(() => readMarket(body, "market.json", policy));
      expect(error.code).to.equal("FIELD_INVALID");
      expect(error.place).to.include({ file: "market.json", field: `instruments[${index}]` });
      expect(error.message).to.include(`a lot of ${lot}`);
      readMarket(body, "market.json", unscanned);
    }
    readMarket(at(0, { lot: "0.0010" }), "market.json", policy);
    readMarket(at(3, { lot: "5" }), "market.json", policy);
  });

  it("P03: refuses a row for a scanned asset that never loses, and a scan lot that leaves much of it out", () => {
    const still = at(0, { profits: new Array(SCENARIOS).fill("0") });
    const error = refusal(() => readMarket(still, "market.json", policy));
    expect([error.code, error.place.field]).to.deep.equal(["FIELD_INVALID", "instruments[0]"]);
    expect(error.message).to.include("loses in some scenario");
    readMarket(still, "market.json", unscanned);
    // The first tier holds 20 BTC.
    const scanning = (scanLot: string) =>
      text({ ...firm.policy, assets: firm.policy.assets.map((each, i) => (i === 0 ? { ...each, scanLot } : each)) });
    readPolicy(scanning("0.02"), "p");
    const coarse = refusal(() => readPolicy(scanning("0.03"), "p"));
    expect([coarse.code, coarse.place.field]).to.deep.equal(["OUT_OF_RANGE", "assets[0].scanLot"]);
  });

  it("P03: refuses a scan lot of which an account can hold 2^31: nothing could be proven of it, nor it be liquidated", () => {
    const file = readPolicy(text(firm.policy), "p");
    const most = intercepts(file.policy.schedules[0]!).at(-1)!;
    const least = most / (BPS << 31n) + 1n;
    const scanning = (lots: bigint) => {
      const scanLot = formatDecimal(lots, file.assets[0]!.lotDecimals);
      return text({
        ...firm.policy,
        assets: firm.policy.assets.map((each, i) => (i === 0 ? { ...each, scanLot } : each)),
      });
    };
    const { policy: fine } = readPolicy(scanning(least), "p");
    const account = genesis("board-60");
    const all = { ...account, collateral: account.collateral.with(0, file.policy.schedules[0]![3]!.boundaryLots) };
    const { market } = readMarket(
      at(0, { lot: formatDecimal(least, 8) }),
      "market.json",
      readPolicy(scanning(least), "p"),
    );
    expect(evaluate(all, fine, market).assets[0]!.scannedLots < 1n << 31n).to.equal(true);
    // One less, and that account has no margin at all.
    const scanLots = fine.scanLots.with(0, (least - 1n) as ScanLots);
    expect(refusal(() => evaluate(all, { ...fine, scanLots }, market)).place.field).to.equal("collateral[0]");
    const tiny = refusal(() => readPolicy(scanning(least - 1n), "p"));
    expect([tiny.code, tiny.place.field]).to.deep.equal(["OUT_OF_RANGE", "assets[0].scanLot"]);
  });

  it("counts the same collateral the same, whatever lots the asset has", () => {
    for (const [lotDecimals, lots] of [
      [8, 100_000n],
      [3, 1n],
      [5, 100n],
    ] as const) {
      const assets = firm.policy.assets.map((asset) => (asset.symbol === "BTC" ? { ...asset, lotDecimals } : asset));
      expect(readPolicy(text({ ...firm.policy, assets }), "p").policy.scanLots[0]).to.equal(lots);
    }
    const assets = firm.policy.assets.map((asset) => ({ ...asset, lotDecimals: 2 }));
    expect(refusal(() => readPolicy(text({ ...firm.policy, assets }), "p")).code).to.equal("NOT_A_MULTIPLE");
  });
});

describe("round trips", () => {
  const unsigned = (bits: number) => fc.bigInt(0n, (1n << BigInt(bits)) - 1n);
  const signed = (bits: number) => fc.bigInt(-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n);
  const symbols = (count: number) =>
    fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,9}$/), {
      minLength: count,
      maxLength: count,
      selector: (symbol) => symbol.toLowerCase(),
    });
  const label = fc
    .stringMatching(/^[A-Za-zé€😀%+]([ \\A-Za-z0-9é€😀%+-]{0,20}[A-Za-z])?$/u)
    .filter((text) => !/ {2}/.test(text));

  const policies: fc.Arbitrary<PolicyFile> = fc.integer({ min: 1, max: ASSETS }).chain((count) =>
    fc
      .record({
        name: label,
        names: symbols(count + 1),
        assets: fc.array(
          fc.record({
            lotDecimals: fc.integer({ min: 0, max: 8 }),
            scanned: fc.option(fc.bigInt(1n, (1n << 64n) - 1n)),
            boundaries: fc.uniqueArray(fc.bigInt(1n, (1n << 64n) - 1n), { minLength: 1, maxLength: TIERS }),
            weights: fc.array(fc.bigInt(0n, 10_000n), { minLength: TIERS, maxLength: TIERS }),
          }),
          { minLength: count, maxLength: count },
        ),
        debtRateBps: fc.bigInt(0n, 10_000n),
        levels: fc.array(unsigned(20), { minLength: 4, maxLength: 4 }),
      })
      .map(({ name, names, assets, debtRateBps, levels }) => {
        const sorted = (values: bigint[]) => values.toSorted((a, b) => (a < b ? -1 : 1));
        const schedules = assets.map(({ boundaries, weights }) => {
          const ascending = sorted(boundaries);
          const descending = sorted(weights).reverse();
          return Array.from({ length: TIERS }, (_, tier) => ({
            boundaryLots: ascending[tier] ?? ascending.at(-1)!,
            weightBps: tier < ascending.length ? descending[tier]! : 0n,
          }));
        });
        const [initial, call, liquidation, closeOut] = sorted(levels).reverse();
        return {
          name,
          cashSymbol: names[count]!,
          assets: assets.map(({ lotDecimals }, index) => ({ symbol: names[index]!, lotDecimals })),
          policy: {
            schedules: Array.from({ length: ASSETS }, (_, asset) => schedules[asset] ?? UNLISTED),
            scanLots: Array.from({ length: ASSETS }, (_, asset) => {
              // A thousand of them are at most what the first tier holds, and all that counts is fewer than 2^31.
              const schedule = (schedules[asset] ?? UNLISTED) as typeof UNLISTED;
              const most = schedule[0]!.boundaryLots / 1000n;
              const least = intercepts(schedule).at(-1)! / (BPS << 31n) + 1n;
              const drawn = assets[asset]?.scanned;
              return drawn && most >= least ? (drawn % (most - least + 1n)) + least : NOT_SCANNED;
            }),
            debtRateBps,
          },
          levels: { initial, call, liquidation, closeOut },
        } as unknown as PolicyFile;
      }),
  );

  const row = fc.record({
    profits: fc.array(
      signed(43).filter((value) => value > -(1n << 42n)),
      { minLength: SCENARIOS, maxLength: SCENARIOS },
    ),
    mark: signed(42),
    delta: signed(42),
    vega: signed(42),
    longCharge: unsigned(60),
    shortCharge: unsigned(60),
  });

  /** As many instruments as it takes to have a row for each scanned asset. */
  const scannedOf = ({ policy: { scanLots } }: PolicyFile) =>
    scanLots.findLastIndex((lots) => lots !== NOT_SCANNED) + 1;
  /** The lot that the row of a scanned asset has. */
  const scanLotOf = ({ assets, policy: { scanLots } }: PolicyFile, index: number) =>
    (scanLots[index] ?? NOT_SCANNED) === NOT_SCANNED
      ? undefined
      : formatDecimal(scanLots[index]!, assets[index]!.lotDecimals);

  const marketsOf = (under: PolicyFile): fc.Arbitrary<MarketFile> =>
    fc.integer({ min: scannedOf(under), max: 70 }).chain((count) =>
      fc
        .record({
          labels: fc.array(label, { minLength: 64, maxLength: 64 }),
          epoch: unsigned(64),
          date: fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true }),
          names: symbols(count),
          lots: fc.array(fc.record({ units: fc.bigInt(1n, 10n ** 12n), decimals: fc.integer({ min: 0, max: 18 }) }), {
            minLength: count,
            maxLength: count,
          }),
          rows: fc.array(fc.option(row, { freq: 9 }), { minLength: count, maxLength: count }),
          blocks: fc.array(
            fc.record({
              continues: fc.boolean(),
              liquidityThreshold: unsigned(78),
              liquidityRate: fc.bigInt(0n, 10_000n),
              vegaThreshold: unsigned(78),
              vegaRate: fc.bigInt(0n, 10_000n),
            }),
            { minLength: 8, maxLength: 8 },
          ),
          prices: fc.array(unsigned(37), { minLength: ASSETS, maxLength: ASSETS }),
          terms: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), label, { maxKeys: 3 }),
        })
        .map(({ labels, epoch, date, names, lots, rows: drawn, blocks, prices, terms }) => {
          const rows = drawn.map((each, index) => {
            if (scanLotOf(under, index) === undefined) return each;
            const present = each ?? EMPTY_ROW;
            return { ...present, profits: present.profits.with(7, -1n as (typeof EMPTY_ROW.profits)[number]) };
          });
          const size = BOARD_SIZES.find((each) => count <= instrumentsOf(each))!;
          return {
            board: labels[SCENARIOS]!,
            epoch,
            time: `${date.toISOString().slice(0, 19)}Z`,
            scenarios: labels.slice(0, SCENARIOS),
            instruments: rows.map((present, index) =>
              present === null
                ? undefined
                : // Read back, a lot has the fewest decimals.
                  {
                    symbol: names[index]!,
                    lot: parseDecimal(scanLotOf(under, index) ?? formatLots(1n, lots[index]!)),
                    terms,
                  },
            ),
            blocks: labels.slice(SCENARIOS + 1, SCENARIOS + 1 + blocksOf(size)),
            market: {
              prices: prices.map((priceE8, asset) => {
                const listed = under.assets[asset];
                return listed === undefined ? 0n : priceE8 * 10n ** BigInt(8 - listed.lotDecimals);
              }),
              board: {
                size,
                rows: Array.from({ length: instrumentsOf(size) }, (_, index) => rows[index] ?? CLOSED_ROW),
                blocks: blocks
                  .slice(0, blocksOf(size))
                  .map((block, index) => ({ ...block, continues: index > 0 && block.continues })),
              },
            },
          } as unknown as MarketFile;
        }),
    );

  const accountsOf = (under: PolicyFile, on: MarketFile): fc.Arbitrary<AccountFile> =>
    fc
      .record({
        name: label,
        cash: signed(64),
        collateral: fc.array(unsigned(64), { minLength: ASSETS, maxLength: ASSETS }),
        positions: fc.array(signed(32), { minLength: 480, maxLength: 480 }),
        sequence: unsigned(64),
      })
      .map(({ name, cash, collateral, positions, sequence }) => {
        const empty = genesis(on.market.board.size);
        return {
          name,
          account: {
            ...empty,
            cash,
            collateral: empty.collateral.map((_, index) =>
              under.assets[index] === undefined ? 0n : collateral[index]!,
            ),
            positions: empty.positions.map((_, index) =>
              on.instruments[index] === undefined ? 0n : positions[index]!,
            ),
            sequence,
          },
        } as unknown as AccountFile;
      });

  it("reading what was written gives the same policy, market and account, and writing it again the same text", () => {
    const cases = policies.chain((under) =>
      marketsOf(under).chain((on) => accountsOf(under, on).map((holder) => ({ under, on, holder }))),
    );
    fc.assert(
      fc.property(cases, ({ under, on, holder }) => {
        const policyText = text(policyDocument(under));
        const { sha256: policyHash, ...policyAgain } = readPolicy(policyText, "p");
        expect(policyAgain).to.deep.equal(under);
        expect(text(policyDocument(policyAgain))).to.equal(policyText);
        const marketText = text(marketDocument(on, under));
        const { sha256: marketHash, ...marketAgain } = readMarket(marketText, "m", under);
        expect(marketAgain).to.deep.equal(on);
        expect(text(marketDocument(marketAgain, under))).to.equal(marketText);
        const accountText = text(stateDocument(holder, under, on));
        const accountAgain = readAccount(accountText, "a", under, on);
        expect(accountAgain).to.deep.equal(holder);
        expect(text(stateDocument(accountAgain, under, on))).to.equal(accountText);
        expect(policyHash).to.not.equal(marketHash);
      }),
      { numRuns: 25, seed: 7 },
    );
  });

  it("decimal strings of any count and lot read back as the count", () => {
    fc.assert(
      fc.property(signed(84), fc.integer({ min: 0, max: 12 }), (count, decimals) => {
        const written = formatDecimal(count, decimals);
        expect(lotsOf(parseDecimal(written), { units: 1n, decimals })).to.equal(count);
        expect(written).to.match(/^-?(0|[1-9]\d*)(\.\d*[1-9])?$/);
      }),
      { numRuns: 300, seed: 8 },
    );
    expect(formatDecimal(-5n, 6)).to.equal("-0.000005");
    expect(formatDecimal(1_500_000n, 6)).to.equal("1.5");
    expect(formatDecimal(0n, 6)).to.equal("0");
  });

  it("the sample firm's documents read back as they are", () => {
    expect(policyDocument(policy)).to.deep.equal(firm.policy);
    expect(marketDocument(market, policy)).to.deep.equal(firm.market);
    const atlas = readAccount(text(firm.atlas), "a", policy, market);
    expect(stateDocument(atlas, policy, market)).to.deep.equal(firm.atlas);
  });
});

describe("accounts as people keep them", () => {
  const books = firm.atlasBooks;
  const FUTURE = "BTC-25DEC26";
  const PERPETUAL = "BTC-PERP";
  const withPosition = (symbol: string, position: object, changes: object = {}) =>
    text({ ...books, positions: { [symbol]: position }, ...changes });
  const cashOfText = (body: string) => readAccount(body, "a.json", policy, market);

  it("U02: the sample firm's books are its state, and each position adds what the document says", () => {
    const { account, conversion } = readAccount(text(books), "books.json", policy, market);
    expect(account).to.deep.equal(readAccount(text(firm.atlas), "state.json", policy, market).account);
    expect(new Set(conversion!.lines.map(({ basis }) => basis))).to.deep.equal(
      new Set(["entryPrice", "unrealisedProfit", "paid"]),
    );
    const e6 = (amount: string) => lotsOf(parseDecimal(amount), { units: 1n, decimals: 6 });
    const sum = conversion!.lines.reduce((total, { effect }) => total + e6(effect), e6(conversion!.balance));
    expect(formatDecimal(sum, 6)).to.equal(conversion!.cash).and.to.equal(firm.atlas.cash);
    expect(conversion!.remainder).to.equal("0");
  });

  it("U02: equity is balance plus profit, whichever way the profit is given, long and short", () => {
    for (const quantity of ["3", "-3"]) {
      const entry = cashOfText(withPosition(FUTURE, { quantity, entryPrice: "97000" }));
      const { equity } = evaluate(entry.account, policy.policy, market.market);
      const none = cashOfText(text({ ...books, positions: {} }));
      const before = evaluate(none.account, policy.policy, market.market).equity;
      const mark = market.market.board.rows[4]!.mark;
      const profit = BigInt(quantity) * (mark * 1_000n - 97_000_000_000n);
      expect(equity - before).to.equal(profit * 10n ** 14n);
      const given = { quantity, unrealisedProfit: formatDecimal(profit, 6) };
      expect(cashOfText(withPosition(FUTURE, given)).account).to.deep.equal(entry.account);
    }
  });

  it("U02: what does not fit a millionth is rounded down once, and listed", () => {
    const cash = (balance: string, entryPrice: string, quantity = "0.001") => {
      const { account, conversion } = cashOfText(withPosition(FUTURE, { quantity, entryPrice }, { balance }));
      return [formatDecimal(account.cash, 6), conversion!.remainder, conversion!.cash];
    };
    expect(cash("1", "1000.0004")).to.deep.equal(["-0.000001", "0.0000006", "-0.000001"]);
    expect(cash("1", "1000.0004", "-0.001")).to.deep.equal(["2", "0.0000004", "2"]);
    expect(cash("1.0000004", "1000")).to.deep.equal(["0", "0.0000004", "0"]);
    expect(cash("-1.00000001", "0")).to.deep.equal(["-1.000001", "0.00000099", "-1.000001"]);
  });

  it("U02: for any balance, prices and profits, cash is the largest number of millionths that the exact sum reaches", () => {
    const decimals = fc.record({
      units: fc.bigInt(-(10n ** 9n), 10n ** 9n),
      decimals: fc.integer({ min: 0, max: 12 }),
    });
    const holdings = fc.array(
      fc.record({
        index: fc.integer({ min: 0, max: market.instruments.length - 1 }),
        lots: fc.bigInt(-1_000n, 1_000n),
        price: decimals,
        kind: fc.constantFrom("entryPrice", "unrealisedProfit", "paid"),
      }),
      { maxLength: 6 },
    );
    const scale = 10n ** 24n;
    const at24 = ({ units, decimals: places }: Decimal) => (units * scale) / 10n ** BigInt(places);
    fc.assert(
      fc.property(decimals, holdings, (balance, given) => {
        const read = given
          .filter(({ lots, kind }) => lots !== 0n || kind !== "unrealisedProfit")
          .map(({ index, lots, price, kind }): Holding & { kind: string; price: Decimal } => ({
            index,
            lots: lots as Holding["lots"],
            kind,
            price: kind === "entryPrice" && price.units < 0n ? { ...price, units: -price.units } : price,
            basis: {},
          }))
          .map((each) => ({
            ...each,
            basis: each.kind === "paid" ? { paid: true } : { [each.kind]: each.price },
          }));
        const { cash, conversion } = cashOf(balance, read, market);
        const exact = read.reduce((sum, { index, lots, kind, price }) => {
          const { lot } = market.instruments[index]!;
          const { mark } = market.market.board.rows[index]!;
          const quantity24 = at24({ units: lots * lot.units, decimals: lot.decimals });
          if (kind === "entryPrice") return sum - (at24(price) * quantity24) / scale;
          if (kind === "unrealisedProfit") return sum + at24(price) - (mark * lots * scale) / 1_000_000n;
          return sum;
        }, at24(balance));
        const cash24 = (cash * scale) / 1_000_000n;
        expect(cash24 <= exact && exact < cash24 + scale / 1_000_000n).to.equal(true);
        expect(at24(parseDecimal(conversion.remainder))).to.equal(exact - cash24);
      }),
      { numRuns: 200, seed: 9 },
    );
  });

  it("P01: refuses what is no decimal, or too much, for a balance, a price or a profit, at its place and without the value", () => {
    const paths: Path[] = [
      ["balance"],
      ["positions", FUTURE, "entryPrice"],
      ["positions", PERPETUAL, "unrealisedProfit"],
    ];
    for (const path of paths) {
      for (const raw of [
        "1",
        `"${CANARY}e5"`,
        `"${CANARY},5"`,
        `[["${CANARY}"]]`,
        "null",
        `"0x${CANARY}"`,
        `"${"9".repeat(41)}"`,
      ]) {
        const { text: body, line } = damaged(books, path, raw);
        const error = refusal(() => cashOfText(body));
        expect(error.code).to.equal("FIELD_INVALID");
        expect(error.place).to.deep.equal({ file: "a.json", line, field: pathText(path) });
        expect(error.message).to.not.include(CANARY);
      }
      const most = damaged(books, path, `"${CANARY}${"0".repeat(12)}"`);
      const error = refusal(() => cashOfText(most.text));
      expect(error).to.include({ code: "OUT_OF_RANGE" });
      expect(error.message)
        .to.include("between -9223372036854.775808 and 9223372036854.775807")
        .and.not.include(CANARY);
      expect(error.place.field).to.equal("balance");
    }
  });

  it("U02: refuses a position of which it is not said how it was paid for, and what contradicts itself", () => {
    const zeroMark = {
      ...firm.market,
      instruments: firm.market.instruments.map((each) => (each.symbol === FUTURE ? { ...each, mark: "0" } : each)),
    };
    const flat = readMarket(text(zeroMark), "m", policy);
    const cases: [object, string, { readonly asOf?: string | undefined }?, MarketFile?][] = [
      [{ quantity: "1" }, "give its entryPrice or its unrealisedProfit, or paid"],
      [{ quantity: "1", paid: false }, "give its entryPrice"],
      [{ quantity: "1", entryPrice: "1", paid: true }, "expected one of"],
      [{ quantity: "1", entryPrice: "1", unrealisedProfit: "1" }, "expected one of"],
      [{ quantity: "1", entryPrice: "-1" }, "at least 0"],
      [{ quantity: "0", unrealisedProfit: "1" }, "a position of 0"],
      [{ quantity: "1", entryPrice: "1" }, "a mark of 0", {}, flat],
      [{ quantity: "1", unrealisedProfit: "1" }, 'give it as "asOf"', { asOf: undefined }],
      [{ quantity: "1", unrealisedProfit: "1" }, "as of another time", { asOf: "2026-11-22T08:00:01Z" }],
    ];
    for (const [position, rule, changes, on = market] of cases) {
      const body = withPosition(FUTURE, position, changes);
      const error = refusal(() => readAccount(body, "a.json", policy, on));
      expect(error.code).to.equal("FIELD_INVALID");
      expect(error.message, JSON.stringify(position)).to.include(rule);
      expect(error.place.line).to.be.a("number");
      expect(error.place.field).to.equal(changes?.asOf === undefined ? `positions.${FUTURE}` : "asOf");
    }
    for (const position of [
      { quantity: "1" },
      { quantity: "1", unrealisedProfit: "5" },
      { quantity: "1", paid: true },
    ]) {
      const profit = "unrealisedProfit" in position ? 5n : 0n;
      const { account } = readAccount(withPosition(FUTURE, position), "a", policy, flat);
      expect(account.cash).to.equal(
        lotsOf(parseDecimal(books.balance), { units: 1n, decimals: 6 }) + profit * 1_000_000n,
      );
    }
    const old = text({ ...firm.atlas, format: "plimsoll-account/2" });
    expect(refusal(() => cashOfText(old)).message).to.include('has "balance" and no "cash"');
    const fresh = text({ ...books, format: "plimsoll-account/1" });
    expect(refusal(() => cashOfText(fresh)).message).to.include('has "cash" and no "balance"');
  });

  it("names unknown instruments and assets with the nearest listed ones, never what may be an amount", () => {
    const rule = (changes: object) => refusal(() => cashOfText(text({ ...books, ...changes }))).rule;
    const held = { quantity: "1", paid: true };
    expect(rule({ positions: { "BTC-25DEC27": held } }))
      .to.include('"BTC-25DEC27" is no instrument')
      .and.include(FUTURE);
    expect(rule({ positions: { "btc-perp": held } })).to.include("the nearest is BTC-PERP");
    expect(rule({ positions: { "XBT-PERP": held } })).to.include("the nearest is BTC-PERP");
    expect(rule({ collateral: { XBT: "1" } }))
      .to.include('"XBT" is no asset')
      .and.include("the nearest is BTC");
    for (const secret of [CANARY, `0xabcdef${CANARY}`, `a${CANARY}`, "1E+05"]) {
      expect(rule({ positions: { [secret]: held } })).to.equal(
        "this instrument is no instrument that the market lists",
      );
    }
  });

  it("gives limits in units and in lots", () => {
    const error = refusal(() => cashOfText(withPosition(PERPETUAL, { quantity: "2147483.648", paid: true })));
    expect(error.rule).to.include("between -2147483.648 and 2147483.647");
    expect(error.rule).to.include("(-2147483648 to 2147483647 lots of 0.001)");
    expect(error.place.field).to.equal(`positions.${PERPETUAL}.quantity`);
  });
});

describe("tables as spreadsheets write them", () => {
  const POSITIONS = "account,instrument,quantity,paid\natlas,BTC-PERP,-20,yes\n";
  const tables = (portfolio: string, options: TableOptions = {}, positions = POSITIONS) =>
    readTables(
      { portfolio: { text: portfolio, file: "portfolio.csv" }, positions: { text: positions, file: "positions.csv" } },
      policy,
      market,
      options,
    );
  const cash = (portfolio: string, options?: TableOptions) =>
    formatDecimal(tables(portfolio, options).account("atlas", 0n).account.cash, 6);
  const amount = (written: string, options?: TableOptions) =>
    cash(`account;asset;amount\natlas;USDC;${written}\n`, options);

  it("U01: refuses an account that is in one table only, unless it is said that it holds nothing there", () => {
    const portfolio = "account,asset,amount\nAtlas,USDC,1\nboreas,USDC,2\n";
    const read = (name: string, options?: TableOptions) => tables(portfolio, options).account(name, 0n).account;
    const upper = refusal(() => read("Atlas"));
    expect(upper).to.include({ code: "UNKNOWN_NAME" });
    expect(upper.message)
      .to.include('no row of positions.csv is of "Atlas", which has "atlas"')
      .and.include("--no-positions");
    const lower = refusal(() => read("atlas"));
    expect(lower.message).to.include("no row of portfolio.csv").and.include('"Atlas"').and.include("--no-collateral");
    expect(refusal(() => read("boreas")).message).to.include("--no-positions");
    expect(refusal(() => read("ATLAS")).message)
      .to.include("no row of the tables")
      .and.include('"Atlas"');
    expect(read("boreas", { noPositions: true }).cash).to.equal(2_000_000n);
    expect(read("atlas", { noCollateral: true }).positions[3]).to.equal(-20_000n);
    const one = { portfolio: { text: portfolio, file: "p" } };
    expect(refusal(() => readTables(one, policy, market)).message).to.include("--no-positions");
    expect(readTables(one, policy, market, { noPositions: true }).names).to.deep.equal(["Atlas", "boreas"]);
  });

  it("U03: reads decimal commas and thousands where they are declared, and only then", () => {
    expect(amount("1.234,50", { decimal: "comma", thousands: "point" })).to.equal("1234.5");
    expect(amount("-1234,5", { decimal: "comma" })).to.equal("-1234.5");
    expect(amount('"1,234,567.5"', { thousands: "comma" })).to.equal("1234567.5");
    expect(amount("1\u00a0234\u202f567 890", { thousands: "space" })).to.equal("1234567890");
    expect(amount("1'234’567", { thousands: "apostrophe" })).to.equal("1234567");
    const cases: [string, TableOptions, string][] = [
      ["1234,5", {}, "--decimal comma"],
      ["1.234.567", {}, "--thousands point"],
      ["1\u00a0234", {}, "--thousands space"],
      ["1'234", {}, "--thousands apostrophe"],
      ["1.234", { decimal: "comma" }, "--thousands point"],
      ["1,23", { thousands: "comma" }, "a comma"],
      ["12,34,567", { thousands: "comma" }, "a comma"],
      ["1.5", { decimal: "comma", thousands: "point" }, "a point"],
      ["1", { decimal: "comma", thousands: "comma" }, "cannot group thousands as well"],
      ["(50,000.25)", {}, "in parentheses"],
      ["50000.25-", {}, "a minus behind"],
      ["-", {}, "a dash alone; write 0"],
      ["1E+05", {}, "an exponent"],
      ["\u221250", {}, "a dash that is no minus"],
      ["+5", {}, "a plus sign"],
      ["007", {}, "a leading zero"],
      ["$5", {}, "a currency"],
      ["", {}, "no amount"],
    ];
    for (const [written, options, rule] of cases) {
      const error = refusal(() => amount(written, options));
      expect(error.code, written).to.equal("FIELD_INVALID");
      expect(error.message).to.include(rule);
      expect(error.place).to.deep.equal({ file: "portfolio.csv", line: 2, field: "amount" });
      expect(error.message.replace('"-12.5"', "").replace('"-12,5"', "")).to.not.match(/234|50000|50,000|007/);
    }
  });

  it("U03: asks what three decimals everywhere mean, and is silent once it is told or once one amount differs", () => {
    const rows = (...amounts: string[]) =>
      tables(
        `account,asset,amount\n${["USDC", "BTC", "ETH"].map((name, index) => `atlas,${name},${amounts[index] ?? "0"}\n`).join("")}`,
      );
    expect(rows("1.234", "12.000").notes.join()).to.include("exactly three decimals").and.not.include("1.234");
    expect(rows("1.234", "12.5").notes).to.deep.equal([]);
    expect(rows("0", "0").notes).to.deep.equal([]);
    expect(tables("account,asset,amount\natlas,USDC,1.234\n", { decimal: "point" }).notes).to.deep.equal([]);
  });

  it("U07: refuses an account of the portfolio whose cash has no row: a debt must not drop out with it", () => {
    const read = tables("account,asset,amount\natlas,BTC,12.25\nboreas,USDC,0\nboreas,BTC,7\n");
    const error = refusal(() => read.account("atlas", 0n));
    expect(error).to.include({ code: "FIELD_INVALID" });
    expect(error.message).to.include('no row gives the balance of "atlas" in USDC').and.include("the amount 0");
  });

  it("U01: says on a line that names of accounts differ only in letters", () => {
    const told = (names: readonly string[]) =>
      tables(`account,asset,amount\n${names.map((name) => `${name},USDC,1\n`).join("")}`).notes.join();
    expect(told(["Atlas", "boreas"])).to.equal(
      "names of accounts differ only in capital letters or in how their characters are written: each is an account of its own",
    );
    expect(told(["boreas", "Cafe\u0301", "Caf\u00e9"])).to.include("differ only in");
    expect(told(["atlas", "boreas"])).to.equal("");
  });

  it("U03: gives the number of rows and the sum that it read of each table", () => {
    const { totals } = tables("account,asset,amount\natlas,USDC,-1.5\natlas,BTC,12.25\nboreas,BTC,7\n").account(
      "atlas",
      0n,
    );
    expect(totals).to.deep.equal([
      { file: "portfolio.csv", rows: 2, total: "10.75" },
      { file: "positions.csv", rows: 1, total: "-20" },
    ]);
  });

  it("U04: refuses names in exponent form and rows of totals, by line and column", () => {
    for (const name of ["1.91431E+18", "1,91431E+18", "2e9"]) {
      const quoted = `"${name}"`;
      const error = refusal(() => tables(`account,asset,amount\natlas,USDC,1\n${quoted},BTC,1\n`));
      expect(error).to.include({ code: "FIELD_INVALID" });
      expect(error.message).to.include("exponent form");
      expect(error.place).to.deep.equal({ file: "portfolio.csv", line: 3, field: "account" });
      expect(
        refusal(() => readAccount(text({ ...firm.atlas, account: name }), "a", policy, market)).place.field,
      ).to.equal("account");
    }
    for (const [account, asset, field] of [
      ["Total", "USDC", "account"],
      ["atlas", "TOTAL", "asset"],
      ["Grand total:", "BTC", "account"],
    ]) {
      const error = refusal(() => tables(`account,asset,amount\natlas,USDC,1\n${account},${asset},1\n`));
      expect(error.message).to.include("a row of totals");
      expect(error.place.field).to.equal(field);
    }
    for (const name of ["Totality Capital", "1914310000000000000", "E18", "desk 2e"]) {
      expect(tables(`account,asset,amount\n${name},USDC,1\n`).names[0]).to.equal(name);
    }
  });

  it("takes columns in any order and case, lists others, and skips empty rows at the end only", () => {
    const portfolio = "\uFEFFNote;AMOUNT;Asset;Account\nx;12.5;BTC;atlas\n;1;USDC;atlas\n;;;\n\n";
    const read = tables(portfolio);
    expect(read.notes).to.deep.equal(["portfolio.csv: ignored column Note"]);
    const { account } = read.account("atlas", 0n);
    expect([account.cash, account.collateral[0]]).to.deep.equal([1_000_000n, 1_250_000_000n]);
    const positions = "Entry Price\tINSTRUMENT\tquantity\taccount\n97000\tBTC-25DEC26\t1\tatlas\n";
    const { conversion } = tables(portfolio, {}, positions).account("atlas", 0n);
    expect(conversion!.lines[0]).to.include({ basis: "entryPrice", given: "97000", effect: "-97000" });
    const notes = Array.from({ length: 60 }, (_, index) => `Remark ${index}, if any`);
    const wide = `${["account", "asset", "amount", ...notes].join(";")}\natlas;USDC;2${";".repeat(60)}\n`;
    expect(tables(wide).account("atlas", 0n).account.cash).to.equal(2_000_000n);
    const inside = refusal(() => tables("account,asset,amount\natlas,USDC,1\n,,\natlas,BTC,1\n"));
    expect(inside).to.include({ code: "SYNTAX" });
    expect(inside.place.line).to.equal(3);
    expect(refusal(() => tables("account,asset\natlas,BTC\n")).message).to.include('the column "amount" is missing');
    const comma = refusal(() => tables("account,asset,amount\natlas,USDC,1234,50\n"));
    expect(comma.message).to.include("expected 3 fields, found 4").and.include("must be in quotes");
    const spaced = refusal(() => tables("account,asset,amount\natlas, BTC,1\n"));
    expect(spaced.message).to.include('there are spaces around "BTC"');
  });

  it("U02: a position's basis is read from its columns, and what is wrong with it is at its row", () => {
    const row = (header: string, values: string) =>
      tables(
        "account,asset,amount\natlas,USDC,1\n",
        {},
        `account,instrument,quantity,${header}\natlas,BTC-25DEC26,1,${values}\n`,
      );
    const lacking = refusal(() => row("entryPrice", "").account("atlas", 0n));
    expect(lacking.place).to.deep.equal({ file: "positions.csv", line: 2 });
    expect(lacking.message).to.include("BTC-25DEC26 counts at its whole price");
    expect(refusal(() => row("paid", "perhaps")).place.field).to.equal("paid");
    expect(refusal(() => row("unrealisedProfit", "1")).place.field).to.equal("asOf");
    expect(refusal(() => row("unrealisedProfit,asOf", "1,2026-11-22")).message).to.include("as of another time");
    const given = row("unrealisedProfit,asOf", `1,${market.time}`).account("atlas", 0n);
    expect(evaluate(given.account, policy.policy, market.market).equity).to.equal(2n * 10n ** 20n);
  });

  it("U05: warns of a position that is more than 20 times the equity, naming the instrument and no amount", () => {
    const held = (quantity: string) =>
      tables(
        "account,asset,amount\natlas,USDC,1000000\n",
        {},
        `account,instrument,quantity,entryPrice\natlas,BTC-25DEC26,${quantity},97823.696\n`,
      ).account("atlas", 0n);
    expect(accountWarnings(held("200"), policy, market)).to.deep.equal([]);
    for (const quantity of ["205", "-20500"]) {
      const [line, ...others] = accountWarnings(held(quantity), policy, market);
      expect(others).to.deep.equal([]);
      expect(line).to.include("BTC-25DEC26").and.include("not in contracts").and.not.include("205");
    }
    for (const document of [firm.atlas, firm.atlasBooks]) {
      expect(accountWarnings(readAccount(text(document), "a", policy, market), policy, market)).to.deep.equal([]);
    }
  });

  it("U02: warns of a perpetual at an entry price where the mark counts funding, and of nothing else", () => {
    const warnings = (symbol: string, basis: object) => {
      const positions = { [symbol]: { quantity: "1", ...basis } };
      return accountWarnings(readAccount(text({ ...firm.atlasBooks, positions }), "a", policy, market), policy, market);
    };
    const [line, ...others] = warnings("BTC-PERP", { entryPrice: "97289.4" });
    expect(others).to.deep.equal([]);
    expect(line).to.include("BTC-PERP: its mark counts funding").and.include("unrealisedProfit");
    expect(warnings("BTC-PERP", { unrealisedProfit: "0" })).to.deep.equal([]);
    expect(warnings("BTC-25DEC26", { entryPrice: "97289.4" })).to.deep.equal([]);
  });

  it("U02: warns of a future or perpetual that is said to be paid for, whose whole price would count as wealth", () => {
    const warnings = (symbol: string, quantity: string) => {
      const positions = { [symbol]: { quantity, paid: true } };
      return accountWarnings(readAccount(text({ ...firm.atlasBooks, positions }), "a", policy, market), policy, market);
    };
    for (const symbol of ["BTC-25DEC26", "BTC-PERP"]) {
      for (const quantity of ["1", "-1"]) {
        const [line, ...others] = warnings(symbol, quantity);
        expect(others).to.deep.equal([]);
        expect(line).to.include(`${symbol}: nobody pays the price`).and.include("unrealisedProfit");
      }
      expect(warnings(symbol, "0")).to.deep.equal([]);
    }
    const [option] = firm.market.instruments.flatMap((each) =>
      each.symbol !== null && each.terms?.kind === "option" ? [each.symbol] : [],
    );
    expect(warnings(option!, "1")).to.deep.equal([]);
  });
});

describe("docs/formats.md", () => {
  const docs = readFileSync(new URL("../../docs/formats.md", import.meta.url), "utf8");
  const example = (name: string) => {
    const block = new RegExp(`\`\`\`\\w+ ${name.replace(".", "\\.")}\n(.*?)\`\`\``, "s").exec(docs);
    expect(block, name).to.not.equal(null);
    return block![1]!;
  };

  it("its examples are one case: they read, agree with each other and give the coverage it states", () => {
    const under = readPolicy(example("policy.json"), "policy.json");
    const on = readMarket(example("market.json"), "market.json", under);
    const holder = readAccount(example("account.json"), "account.json", under, on);
    const tables = {
      portfolio: { text: example("portfolio.csv"), file: "portfolio.csv" },
      positions: { text: example("positions.csv"), file: "positions.csv" },
    };
    expect(readAccountTables(tables, "atlas", 0n, under, on)).to.deep.equal(holder);
    expect(readAccountTables(tables, "boreas", 0n, under, on).account.collateral[0]).to.equal(300_000_000n);
    const evaluation = evaluate(holder.account, under.policy, on.market);
    expect(formatDecimal(evaluation.equity, 20)).to.equal("1187499.75");
    expect(formatDecimal(evaluation.margin, 10)).to.equal("257625.025");
    expect(coverageBpsDown(evaluation)).to.equal(46094n);
  });

  it("U02: cash means cash: a balance and a profit give 426.49% on a board of whole prices, in every form alike", () => {
    const futures = readAccount(example("futures.json"), "futures.json", policy, market);
    expect(formatDecimal(futures.account.cash, 6)).to.equal("-937533");
    const evaluation = evaluate(futures.account, policy.policy, market.market);
    expect(formatDecimal(evaluation.equity, 20)).to.equal("1000000");
    expect(coverageBpsDown(evaluation)).to.equal(42649n);
    const naive = { ...futures.account, cash: 1_000_000_000_000n } as typeof futures.account;
    expect(coverageBpsDown(evaluate(naive, policy.policy, market.market))).to.equal(125285n);

    const portfolio = { text: "account,asset,amount\nmeridian-118,USDC,1000000\n", file: "p" };
    const tables = { portfolio, positions: { text: example("futures.csv"), file: "futures.csv" } };
    expect(readAccountTables(tables, "meridian-118", 0n, policy, market)).to.deep.equal(futures);
    const { account } = readAccount(example("state.json"), "state.json", policy, market);
    expect(account).to.deep.equal(futures.account);
    const atEntry = example("futures.json").replace(/"unrealisedProfit": "0"/, '"entryPrice": "96876.65"');
    expect(readAccount(atEntry, "f", policy, market).account).to.deep.equal(futures.account);
  });
});
