// SPDX-License-Identifier: GPL-3.0-or-later
// The pages of the contracts name, for each assumption, the tests that guard it: they exist, under those titles or ids.
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";

const ROOT = path.resolve(import.meta.dirname, "../..");

describe("docs/gate.md, docs/liquidation.md, docs/chains.md and docs/market.md", () => {
  const [gate, liquidation, chains, market] = ["gate", "liquidation", "chains", "market"].map((page) =>
    readFileSync(path.join(ROOT, `docs/${page}.md`), "utf8"),
  );

  it("name for each assumption tests that there are", () => {
    const tables = gate!.split("\n\n").filter((block) => block.startsWith("| rests on |"));
    expect(tables).to.have.length(2);
    for (const row of tables.flatMap((table) => table.trimEnd().split("\n").slice(2))) {
      expect(row, "an assumption without a test").to.match(/\| `[\w.-]+`: ".*" \|$/);
    }
    // `file`: "title", "title"
    const named = `${gate}\n${liquidation}\n${chains}`
      .replaceAll("\n", " ")
      .matchAll(/`([\w.-]+)`: ("[^"]+"(?:, "[^"]+")*)/g);
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

  it("name ids of the market's attacks that are in titles of those files", () => {
    const read = (file: string) => readFileSync(path.join(ROOT, "test/contracts", file), "utf8");
    const all = globSync("*.test.ts", { cwd: path.join(ROOT, "test/contracts") });
    const rows = market!.split("\n").filter((line) => /^\|.*\b[GMOV]\d\d\b/.test(line));
    const missing: string[] = [];
    let named = 0;
    for (const guard of rows.flatMap((row) => row.split("|").at(-2)!.split(";"))) {
      const files = [...guard.matchAll(/`([\w-]+\.test\.ts)`/g)].map(([, file]) => file!);
      for (const [id] of guard.matchAll(/\b[GMOV]\d\d\b/g)) {
        named++;
        const isIn = (file: string) => new RegExp(`(?:it|describe)\\(\\s*["\`][^"\`]*\\b${id}\\b`).test(read(file));
        if (!(files.length === 0 ? all.some(isIn) : files.every(isIn))) missing.push(`${id} ${files}`);
      }
    }
    expect(named).to.be.above(30);
    expect(missing).to.deep.equal([]);
  });
});
