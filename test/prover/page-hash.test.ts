// SPDX-License-Identifier: GPL-3.0-or-later
/** The README has the SHA-256 of the auditor's page, so that an auditor can compare the file that came. UPDATE_SNAPSHOTS=1 writes it. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { buildPage } from "../../scripts/build-page.ts";

const README = path.resolve(import.meta.dirname, "../../README.md");
const LINE = /(?<=`verify-pack\.html`, SHA-256\s`)[0-9a-f]{64}(?=`)/;

describe("the auditor's page", function () {
  this.timeout(60_000);

  it("is the one whose SHA-256 the README has, built twice alike", async () => {
    const [one, two] = [await buildPage(), await buildPage()];
    expect(one.html).equal(two.html);
    const sha256 = createHash("sha256").update(one.html).digest("hex");
    const text = readFileSync(README, "utf8");
    if (process.env.UPDATE_SNAPSHOTS === "1") writeFileSync(README, text.replace(LINE, sha256));
    const [found] = LINE.exec(readFileSync(README, "utf8")) ?? [];
    expect(found, "UPDATE_SNAPSHOTS=1 npx mocha test/prover/page-hash.test.ts writes it").equal(sha256);
  });
});
