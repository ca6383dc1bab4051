// SPDX-License-Identifier: GPL-3.0-or-later
/** Pages of the tree: their links resolve, anchors included; docs/README.md reaches all; what they name is there. */
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";

const ROOT = path.resolve(import.meta.dirname, "../..");
const INDEX = "docs/README.md";
const PAGES = ["README.md", "CHANGELOG.md", ...globSync("docs/**/*.md", { cwd: ROOT })];
const text = (page: string): string => readFileSync(path.join(ROOT, page), "utf8");

/** Without fenced code and comments, in which brackets and hashes are no links and no headings. */
const prose = (page: string): string => page.replaceAll(/^```.*?^```$/gms, "").replaceAll(/<!--.*?-->/gs, "");

/** Targets of links and pictures that are not on the web. */
const links = (page: string): string[] =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => to!).filter((to) => !/^[a-z]+:/i.test(to));

/** What GitHub makes of headings: lower case, no punctuation, a hyphen for a space, a number from the second on. */
function anchors(page: string): Set<string> {
  const seen = new Map<string, number>();
  return new Set(
    [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
      const slug = heading!
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-");
      const times = seen.get(slug) ?? 0;
      seen.set(slug, times + 1);
      return times === 0 ? slug : `${slug}-${times}`;
    }),
  );
}

/** The file that a link of a page leads to, from the root; itself where the link is an anchor alone. */
const target = (page: string, link: string): string => {
  const [file] = link.split("#");
  return file === "" ? page : path.posix.join(path.posix.dirname(page), file!);
};

function isBroken(page: string, link: string): boolean {
  const file = target(page, link);
  const anchor = link.split("#")[1];
  if (!existsSync(path.join(ROOT, file))) return true;
  return anchor !== undefined && !anchors(text(file)).has(anchor);
}

/** Paths of the tree that a page names in its words, its tables or its commands; patterns included. */
const paths = (page: string): string[] =>
  [...page.matchAll(/(?<![\w./@-])(?:circuits|prover|verifier-contracts|scripts|test|docs|\.ci)\/[\w./*{},-]*/g)].map(
    ([found]) => found.replace(/[.,]+$/, ""),
  );
/** Code that a page names by itself, `checkPolicy`, `viewingKey()` or `witness.ts`, without the brackets. */
const names = (page: string): string[] =>
  [...prose(page).matchAll(/`([A-Za-z_]\w*)(?:\(\))?`|`([\w.-]+\.(?:ts|mjs|sol|circom|h|cc))`/g)].map(
    ([, word, file]) => word ?? file!,
  );
/** Files of the root, and programs that are not ours. */
const ELSEWHERE = new Set(["LICENSE", "b2sum"]);

/** Every word of the sources, and the name of every file. */
function vocabulary(): Set<string> {
  const files = globSync(
    "{package.json,{circuits,prover,verifier-contracts,scripts,test}/**/*.{ts,mjs,json,sol,circom,h,cc,html}}",
    {
      cwd: ROOT,
      exclude: (file) => /(^|\/)(node_modules|dist|docs\.test\.ts)$/.test(file),
    },
  );
  return new Set(files.flatMap((file) => [path.basename(file), ...(text(file).match(/\w+/g) ?? [])]));
}

const isAbsent = (named: string): boolean => globSync(named, { cwd: ROOT }).length === 0;

describe("the pages", () => {
  it("link to files and headings that there are", () => {
    const all = PAGES.flatMap((page) => links(text(page)).map((link) => [page, link] as const));
    expect(all.length).to.be.above(40);
    expect(all.filter(([page, link]) => isBroken(page, link))).to.deep.equal([]);
  });

  it("are all reached from the index, pictures too", () => {
    const reached = new Set<string>();
    const queue = [INDEX];
    for (let page = queue.pop(); page !== undefined; page = queue.pop()) {
      if (reached.has(page)) continue;
      reached.add(page);
      if (page.endsWith(".md")) queue.push(...links(text(page)).map((link) => target(page, link)));
    }
    const files = globSync("docs/**/*", { cwd: ROOT }).filter((file) => statSync(path.join(ROOT, file)).isFile());
    expect(files.length).to.be.above(20);
    expect(files.filter((file) => !reached.has(file))).to.deep.equal([]);
  });

  it("name paths of the tree that there are", () => {
    const all = PAGES.flatMap((page) => paths(text(page)).map((named) => [page, named] as const));
    expect(all.length).to.be.above(40);
    expect(all.filter(([, named]) => isAbsent(named))).to.deep.equal([]);
  });

  it("name code and files that the sources have", () => {
    const known = vocabulary();
    const all = PAGES.flatMap((page) => names(text(page)).map((name) => [page, name] as const));
    expect(all.length).to.be.above(200);
    // The hash of the auditor's page is held by a test of its own.
    const absent = all.filter(([, name]) => !known.has(name) && !ELSEWHERE.has(name) && !/^[0-9a-f]{64}$/.test(name));
    expect(absent).to.deep.equal([]);
    expect(known.has("noSuchName")).to.equal(false);
    expect(names("`noSuchName()`, `a + b`, `none.ts`")).to.deep.equal(["noSuchName", "none.ts"]);
  });

  it("would be refused with a broken link, anchor or path", () => {
    const page = "# A page\n[a](gate.md) [b](none.md) [c](statement.md#merge) [d](#a-page) [e](statement.md#none)";
    expect(links(page).filter((link) => isBroken("docs/statement.md", link))).to.deep.equal([
      "none.md",
      "#a-page",
      "statement.md#none",
    ]);
    expect([...anchors("# One & `two`\n## Same\n## Same\n```\n# not this\n```")]).to.deep.equal([
      "one--two",
      "same",
      "same-1",
    ]);
    expect(paths("In `prover/src/none.ts`, `node scripts/setup.mjs` and `a/test/b`.").filter(isAbsent)).to.deep.equal([
      "prover/src/none.ts",
    ]);
  });
});
