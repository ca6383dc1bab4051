// SPDX-License-Identifier: GPL-3.0-or-later
/** What the commands for books refuse before they verify, and what they print of words that a worker may have written. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { postMortem } from "../../prover/src/cli/book/status.ts";
import { type Failure, newJob } from "../../prover/src/fleet/job.ts";
import { runPlimsoll } from "../support/plimsoll.ts";

describe("commands for books", () => {
  it("verify: a market without the policy by which it is read is refused, and not left out", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-book-cli-"));
    try {
      writeFileSync(path.join(folder, "venue.book"), "none");
      const { code, out, err } = await runPlimsoll(folder, ["book", "verify", "venue.book", "--market", "market.json"]);
      expect([code, out]).deep.equal([2, ""]);
      expect(err).contain("--market goes with --policy");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("verify and record: a registry without a venue's address, and none or two places to record in, are refused", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-book-cli-"));
    const address = `0x${"1".repeat(40)}`;
    const from = ["--from", address, "--rpc", "http://127.0.0.1:9"];
    try {
      writeFileSync(path.join(folder, "venue.book"), "none");
      for (const [words, why] of [
        [["verify", "venue.book", "--registry", address], "give --registry and --recorded-by together"],
        [["verify", "venue.book", "--recorded-by", address], "give --registry and --recorded-by together"],
        [["record", "venue.book", ...from], "give either --registry or --deploy"],
        [["record", "venue.book", ...from, "--registry", address, "--deploy"], "give either --registry or --deploy"],
      ] as const) {
        const { code, out, err } = await runPlimsoll(folder, ["book", ...words]);
        expect([code, out]).deep.equal([2, ""]);
        expect(err).contain(why);
      }
      // What is no book is that, whoever has recorded what.
      const named = ["--registry", address, "--recorded-by", address, "--rpc", "http://127.0.0.1:9"];
      const { code, out } = await runPlimsoll(folder, ["book", "verify", "venue.book", ...named]);
      expect([code, out.includes("BOOK_MALFORMED")]).deep.equal([2, true]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("status: nothing in a queue drives a terminal, or ends the command", () => {
    const clear = "\u001b[2J";
    const failure: Failure = {
      worker: `one${clear}`,
      machine: "one",
      reason: "failed",
      at: 1e300,
      stage: clear,
      code: clear,
    };
    const job = { ...newJob({ id: `shard-000001${clear}`, shard: "000001", sha256: "0" }), failures: [failure] };
    const lines = postMortem(job);
    expect(lines.length).equal(2);
    for (const line of lines) expect(line).not.contain("\u001b");
    expect(lines[1]).contain("at no time");
  });
});
