// SPDX-License-Identifier: GPL-3.0-or-later
/** The rules of docs/architecture.md: who may import whom in `prover/src`. Type imports count. */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import ts from "typescript";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SRC = "prover/src";

/** What each file of a folder imports: files of the project by their path, packages by their name. */
function importsIn(folder: string): Map<string, string[]> {
  const files = globSync(`${folder}/**/*.{ts,tsx,mjs}`, { cwd: ROOT }).map((file) => file.split(path.sep).join("/"));
  return new Map(
    files.map((file) => {
      const text = readFileSync(path.join(ROOT, file), "utf8");
      const imported = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
      const resolved = imported.map((name) =>
        name.startsWith(".") ? path.posix.normalize(path.posix.join(path.posix.dirname(file), name)) : name,
      );
      return [file, resolved];
    }),
  );
}

const product = importsIn(SRC);
/** First folder below `prover/src`; files that lie there directly are in no room. */
const roomOf = (file: string) => /^prover\/src\/([^/]+)\//.exec(file)?.[1] ?? "";

interface Rule {
  readonly name: string;
  readonly from: (file: string) => boolean;
  readonly never: (imported: string, file: string) => boolean;
}

const inRoom =
  (...rooms: string[]) =>
  (file: string) =>
    rooms.includes(roomOf(file));

const RULES: readonly Rule[] = [
  {
    name: "nothing imports a face (cli, service, web) but the face itself, and the command that starts a service",
    from: (file) => file !== `${SRC}/cli/desk.ts`,
    never: (imported, file) => inRoom("cli", "service", "web")(imported) && roomOf(imported) !== roomOf(file),
  },
  {
    name: "the product imports no script and no test",
    from: () => true,
    never: (imported) => /^(scripts|test)\//.test(imported),
  },
  {
    name: "only node, cli, service, keys, oracle, chain/deploy.ts and risk/cephes.ts use what Node alone has",
    from: (file) =>
      !inRoom("node", "cli", "service", "keys", "oracle")(file) &&
      ![`${SRC}/chain/deploy.ts`, `${SRC}/risk/cephes.ts`].includes(file),
    never: (imported) => imported.startsWith("node:"),
  },
  {
    name: "verify shares no code with prove, and needs no ethers",
    from: inRoom("verify"),
    never: (imported) => inRoom("prove")(imported) || imported === "ethers",
  },
  {
    name: "prove and verify meet in prove/prover.ts alone, which verifies what it has proven",
    from: (file) => inRoom("prove")(file) && file !== `${SRC}/prove/prover.ts`,
    never: inRoom("verify"),
  },
  {
    name: "the model knows no files, documents, proofs or chains",
    from: inRoom("model"),
    never: (imported) => imported.startsWith(SRC) && !["", "model"].includes(roomOf(imported)),
  },
  {
    name: "the rules of a fleet know no machine and no kind of work",
    from: inRoom("fleet"),
    never: (imported) => imported.startsWith(SRC) && !["", "fleet"].includes(roomOf(imported)),
  },
  {
    name: "statements rest on the model alone",
    from: inRoom("statement"),
    never: (imported) => imported.startsWith(SRC) && !["", "model", "statement"].includes(roomOf(imported)),
  },
  {
    name: "the machine is handed in: only faces, entries, oracle and chain/deploy.ts import node",
    from: (file) => !inRoom("node", "cli", "service", "oracle", "")(file) && file !== `${SRC}/chain/deploy.ts`,
    never: inRoom("node"),
  },
];

describe("architecture", () => {
  for (const { name, from, never } of RULES) {
    it(name, () => {
      const breaking = [...product]
        .filter(([file]) => from(file))
        .flatMap(([file, imported]) => imported.filter((each) => never(each, file)).map((each) => `${file} → ${each}`));
      expect(breaking).deep.equal([]);
    });
  }

  it("no file of the product is on a circle of imports", () => {
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) {
        circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
        return;
      }
      if (done.has(file)) return;
      for (const imported of product.get(file) ?? []) visit(imported, [...path, file]);
      done.add(file);
    };
    for (const file of product.keys()) visit(file, []);
    expect(circles).deep.equal([]);
  });

  it("scripts import helpers of tests, and no such helper imports a script back", () => {
    const tests = importsIn("test");
    const reached = new Set<string>();
    const visit = (file: string) => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const imported of tests.get(file) ?? []) visit(imported);
    };
    for (const [, imported] of importsIn("scripts")) for (const each of imported) if (tests.has(each)) visit(each);
    expect(reached.size).greaterThan(0);
    const back = [...reached].flatMap((file) =>
      (tests.get(file) ?? []).filter((each) => each.startsWith("scripts/")).map((each) => `${file} → ${each}`),
    );
    expect(back).deep.equal([]);
  });

  it("would notice: a rule is broken by an import of each kind, types and dynamic ones included", () => {
    const probe = 'import type { A } from "./a.ts"; export * from "./b.ts"; const c = await import("./c.ts");';
    expect(ts.preProcessFile(probe, true, true).importedFiles.map(({ fileName }) => fileName)).members([
      "./a.ts",
      "./b.ts",
      "./c.ts",
    ]);
  });

  it("no file is over 500 lines, and no function over 80 but those listed with a reason", () => {
    const long: string[] = [];
    for (const file of product.keys()) {
      const text = readFileSync(path.join(ROOT, file), "utf8");
      if (text.trimEnd().split("\n").length > 500) long.push(file);
      const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
      const lineOf = (at: number) => source.getLineAndCharacterOfPosition(at).line;
      const visit = (node: ts.Node): void => {
        if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
          const lines = lineOf(node.end) - lineOf(node.getStart(source)) + 1;
          const name = node.name?.getText(source) ?? (node.parent as { name?: ts.Node }).name?.getText(source) ?? "";
          if (lines > 80) long.push(`${file}: ${name}`);
        }
        ts.forEachChild(node, visit);
      };
      visit(source);
    }
    expect(long.filter((each) => LONG[each] === undefined)).deep.equal([]);
    expect(Object.keys(LONG).filter((each) => !long.includes(each))).deep.equal([]);
  });
});

/** Long functions, each with why it is one. */
const LONG: Readonly<Record<string, string>> = {
  "prover/src/prove/prover.ts: proverOf": "a closure over the circuits it keeps warm; each of its functions is short",
  "prover/src/prove/wasm.ts: wasmBackend": "a closure over the core that it keeps; each of its functions is short",
  "prover/src/prove/wasm-worker.ts: start": "a closure over the module's memory; each of its functions is short",
  "prover/src/keys/bn254.ts: openBn254": "a closure over the curve's memory; each of its functions is short",
  "prover/src/keys/development.ts: makeDevelopmentKey": "the sections of a key in the order of the file",
  "prover/src/risk/outlook/exposure.ts: simulateExposure": "one loop over paths, whose buffers all its steps share",
  "prover/src/risk/outlook/margin-cure.ts: programme": "one linear programme, constraint by constraint",
};
