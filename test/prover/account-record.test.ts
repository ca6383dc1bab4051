// SPDX-License-Identifier: GPL-3.0-or-later
/** What an owner keeps of an account at a gate can be read again, whatever is in it. */
import { expect } from "chai";
import { accountRecord, readAccountRecord, seal } from "../../prover/src/chain/account-record.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { genesis, randomViewingKey } from "../../prover/src/model/account.ts";
import { positionLots } from "../../prover/src/units.ts";

const address = `0x${"11".repeat(20)}`;
const hash = `0x${"22".repeat(32)}`;

describe("the file of an account at a gate", () => {
  const empty = accountRecord({ chainId: "31337", gate: address, owner: address });
  const again = (record: typeof empty) => readAccountRecord(formatJson(record), "atlas.json");

  it("holds a signed call as long as nodes take one", () => {
    const call = { request: "open", words: "open a margin account", to: address, nonce: 0, block: 85, hash };
    const record = { ...empty, sending: { ...call, data: `0x${"ab".repeat(996)}`, raw: `0x${"cd".repeat(131_072)}` } };
    expect(again(record)).deep.equal(record);
  });

  it("holds the largest account of the largest board", () => {
    const account = { ...genesis("board-480"), viewingKey: randomViewingKey() };
    const positions = account.positions.map(() => positionLots(-(2n ** 31n)));
    const state = seal({ ...account, positions });
    expect(state.sealed.length).above(2_000);
    const record = { ...empty, account: "1", state };
    expect(again(record)).deep.equal(record);
  });
});
