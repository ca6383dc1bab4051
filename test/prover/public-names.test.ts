// SPDX-License-Identifier: GPL-3.0-or-later
/** What users of the packages may call: a change of a name is seen here, and each name says what it is and where it is shown. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import ts from "typescript";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SNAPSHOT = path.join(ROOT, "test/snapshots/public-names.json");
const { exports } = JSON.parse(readFileSync(path.join(ROOT, "prover/package.json"), "utf8")) as {
  exports: Record<string, string | Record<string, string>>;
};
const ENTRIES = Object.entries(exports).flatMap(([name, of]) =>
  typeof of === "string"
    ? []
    : [{ name: name.replace(".", "plimsoll"), file: path.join(ROOT, "prover", of["plimsoll-clone"]!) }],
);

interface Name {
  readonly name: string;
  readonly at: string;
  readonly text: string;
}

/** The exported names of each entry, with the comment of what each stands for. */
function publicNames(): Map<string, Name[]> {
  const { config } = ts.readConfigFile(path.join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const program = ts.createProgram(
    ENTRIES.map(({ file }) => file),
    options,
  );
  const checker = program.getTypeChecker();
  const commentOf = (declaration: ts.Declaration): string => {
    const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    return ts
      .getJSDocCommentsAndTags(node)
      .map((comment) => comment.getText())
      .join("\n");
  };
  return new Map(
    ENTRIES.map(({ name, file }) => {
      const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
      const names = checker.getExportsOfModule(module).map((exported) => {
        const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
        const declarations = symbol.declarations ?? [];
        const at = declarations[0]?.getSourceFile().fileName ?? "";
        return {
          name: exported.name,
          at: path.relative(ROOT, at),
          text: declarations.map(commentOf).join("\n"),
        };
      });
      return [name, names.toSorted((left, right) => (left.name < right.name ? -1 : 1))];
    }),
  );
}

describe("the public names", function () {
  this.timeout(60_000);
  let names: Map<string, Name[]>;
  before(() => {
    names = publicNames();
  });

  it("U13: are those of the snapshot, each in one entry but for what the verifier's entry has too", () => {
    const found = Object.fromEntries([...names].map(([entry, of]) => [entry, of.map(({ name }) => name)]));
    if (process.env.UPDATE_SNAPSHOTS === "1") writeFileSync(SNAPSHOT, `${JSON.stringify(found, null, 2)}\n`);
    expect(found).deep.equal(JSON.parse(readFileSync(SNAPSHOT, "utf8")));
    const twice = [...names]
      .filter(([entry]) => entry !== "plimsoll/verifier")
      .flatMap(([, of]) => of.map(({ name }) => name))
      .filter((name, index, all) => all.indexOf(name) !== index);
    expect(twice).deep.equal([]);
  });

  it("U13: have comments that say what they are, with an example or a link to one that is there", () => {
    const wanting = [...names].flatMap(([entry, of]) =>
      of.flatMap(({ name, at, text }) => {
        const words = text.replaceAll(/@see \S+|[/*\s]+/g, " ").trim();
        const [, page, anchor] = text.match(/@see (docs\/[a-z-]+\.md)#([a-z-]+)/) ?? [];
        // An example is code set in by two spaces or more.
        const shown = /@example|\n \* {3,}\S/.test(text) || (page !== undefined && hasAnchor(page, anchor!));
        return words.length >= 10 && shown ? [] : [`${entry} ${name} (${at})`];
      }),
    );
    expect(wanting).deep.equal([]);
  });
});

function hasAnchor(page: string, anchor: string): boolean {
  const file = path.join(ROOT, page);
  if (!existsSync(file)) return false;
  const headings = [...readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!);
  return headings.some(
    (heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, "")
        .replaceAll(" ", "-") === anchor,
  );
}
