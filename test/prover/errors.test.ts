// SPDX-License-Identifier: GPL-3.0-or-later
/** docs/errors.md lists every code there is, with what to do, and none that there is not. */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import ts from "typescript";
import { type ErrorCode, PlimsollError } from "../../prover/src/errors.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const sources = globSync("prover/src/**/*.ts", { cwd: ROOT }).map((file) => {
  const text = readFileSync(path.join(ROOT, file), "utf8");
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
});

/** Every type alias of the product by its name, the codes of errors and what verdicts are refused with. */
const aliases = new Map<string, ts.TypeNode>();
const families: string[] = [];
const refusals: ts.TypeNode[] = [];
for (const source of sources) {
  const visit = (node: ts.Node): void => {
    if (ts.isTypeAliasDeclaration(node)) aliases.set(node.name.text, node.type);
    if (
      ts.isVariableDeclaration(node) &&
      node.name.getText() === "FAMILIES" &&
      source.fileName.endsWith("src/errors.ts")
    ) {
      const object = (node.initializer as ts.AsExpression).expression as ts.ObjectLiteralExpression;
      families.push(...object.properties.map((property) => property.name!.getText()));
    }
    // Refused<Reason>, Finding<Code>: whatever verdict there will be, its codes are found.
    if (ts.isTypeReferenceNode(node) && ["Refused", "Finding"].includes(node.typeName.getText())) {
      refusals.push(...(node.typeArguments ?? []));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}

/** The string literals of a union, through the names of others. */
function codesOf(type: ts.TypeNode): string[] {
  if (ts.isUnionTypeNode(type)) return type.types.flatMap(codesOf);
  if (ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal)) return [type.literal.text];
  if (ts.isTypeReferenceNode(type)) {
    const named = aliases.get(type.typeName.getText());
    return named === undefined ? [] : codesOf(named);
  }
  return [];
}

const page = readFileSync(path.join(ROOT, "docs/errors.md"), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
const listed = rows.map(([code]) => code!.replaceAll("`", ""));

describe("docs/errors.md", () => {
  // Why a disclosure is over budget is told by one error.
  const verdicts = [...refusals, aliases.get("Excess")!].flatMap(codesOf);

  it("lists every code of errors and verdicts once, and no other", () => {
    expect(families).to.include("STATEMENT_FALSE").and.to.have.length.above(20);
    for (const known of [
      "PAIRING_FAILED",
      "AUDITOR_MISMATCH",
      "SIGNAL_MISMATCH",
      "TOO_NARROW",
      "TIME_ORDER",
      "MARKET_OLD",
      "PACK_MALFORMED",
    ]) {
      expect(verdicts).to.include(known);
    }
    expect([...listed].sort()).to.deep.equal([...new Set([...families, ...verdicts])].sort());
  });

  it("gives the exit code of every error, and says of every code what it means and what to do", () => {
    for (const [index, cells] of rows.entries()) {
      const code = listed[index]!;
      const error = families.includes(code);
      expect(cells, code).to.have.length(error ? 4 : 3);
      if (error) expect(cells[1], code).to.equal(`${new PlimsollError(code as ErrorCode, "").exitCode}`);
      for (const words of cells.slice(-2)) expect(words, code).to.match(/^[A-Z].{8,}[.]$/);
    }
  });
});
