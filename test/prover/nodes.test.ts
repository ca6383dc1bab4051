// SPDX-License-Identifier: GPL-3.0-or-later
/** What is said of a chain's node that is named wrongly, does not answer, or refuses a sender without gas. */
import { expect } from "chai";
import { makeError } from "ethers";
import { providerAt } from "../../prover/src/chain/provider.ts";
import { toldBy } from "../../prover/src/chain/refusals.ts";
import { PlimsollError } from "../../prover/src/errors.ts";
import { reasonOf } from "../../prover/src/oracle/sources.ts";

describe("a chain's node", () => {
  const refused = (rpc: string) =>
    providerAt(rpc).then(
      () => expect.fail("it was taken"),
      (error: PlimsollError) => `${error.code}: ${error.place.field}: ${error.rule}`,
    );

  it("is named by its whole address", async () => {
    for (const rpc of ["", "127.0.0.1:8545", "localhost", "file:///etc/passwd", "http://"]) {
      expect(await refused(rpc)).equal("USAGE: --rpc: expected the address of a node, such as http://127.0.0.1:8545");
    }
    expect(await refused("http://127.0.0.1:1")).equal("CHAIN_FAILED: --rpc: the node does not answer");
  });

  it("refuses a sender without gas in words that are told, whatever its words", () => {
    // Of geth, which ethers knows, of Hardhat and of others, which it does not.
    const sayings = ["Sender doesn't have enough funds to send tx.", "insufficient funds for gas * price + value"];
    const unknown = sayings.map((message) =>
      makeError("could not coalesce error", "UNKNOWN_ERROR", { error: { code: -32000, message } }),
    );
    for (const error of [makeError("short", "INSUFFICIENT_FUNDS", { transaction: {} as never }), ...unknown]) {
      const told = toldBy(error, []);
      expect(told).instanceOf(PlimsollError);
      expect((told as PlimsollError).message).contain("too little for gas");
      expect(reasonOf(error)).contain("too little for gas");
    }
    const other = makeError("could not coalesce error", "UNKNOWN_ERROR", { error: { message: "busy" } });
    expect(reasonOf(other)).equal("could not coalesce error");
  });
});
