// SPDX-License-Identifier: GPL-3.0-or-later
// docs/gate.md and docs/liquidation.md name, for each assumption, the tests that guard it: they exist, under those titles.
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";

const ROOT = path.resolve(import.meta.dirname, "../..");

describe("docs/gate.md and docs/liquidation.md", () => {
  it("names for each assumption tests that there are", () => {
    const [gate, liquidation] = ["gate", "liquidation"].map((page) =>
      readFileSync(path.join(ROOT, `docs/${page}.md`), "utf8"),
    );
    const tables = gate!.split("\n\n").filter((block) => block.startsWith("| rests on |"));
    expect(tables).to.have.length(2);
    for (const row of tables.flatMap((table) => table.trimEnd().split("\n").slice(2))) {
      expect(row, "an assumption without a test").to.match(/\| `[\w.-]+`: ".*" \|$/);
    }
    // `file`: "title", "title"
    const named = `${gate}\n${liquidation}`.replaceAll("\n", " ").matchAll(/`([\w.-]+)`: ("[^"]+"(?:, "[^"]+")*)/g);
    const titles = [...named].flatMap(([, file, list]) =>
      [...list!.matchAll(/"([^"]+)"/g)].map(([, title]) => [file!, title!]),
    );
    expect(titles.length).to.be.above(30);
    const missing = titles.filter(([file, title]) => {
      const at = file!.endsWith(".sol") ? `verifier-contracts/test/${file}` : `test/contracts/${file}.test.ts`;
      const test = readFileSync(path.join(ROOT, at), "utf8");
      return ![`it("${title}"`, `function ${title}(`].some((declaration) => test.includes(declaration));
    });
    expect(missing).to.deep.equal([]);
  });
});
