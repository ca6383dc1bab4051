// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Branches of Solidity sources, made visible to what counts lines: every condition is passed through a function of its own
 * at the end of its file, which has one line for "was true" and one for "was false". No line before those moves.
 *
 * Conditions are the smallest ones: `a && (b || !c)` is three. Both outcomes of each having been seen implies that every
 * `if`, loop, `?:`, `&&` and `||` went both ways. Not seen into: conditions of assembly.
 */
import { createRequire } from "node:module";

export interface Branch {
  /** In the source, from 1. */
  readonly line: number;
  readonly condition: string;
  /** Lines of the instrumented source that run where it was true, and where it was false. */
  readonly whenTrue: number;
  readonly whenFalse: number;
}

interface Node {
  readonly nodeType: string;
  /** start:length:file, in bytes. */
  readonly src: string;
  readonly operator?: string;
  readonly condition?: Node | null;
  readonly subExpression?: Node;
  readonly components?: readonly Node[];
  readonly leftExpression?: Node;
  readonly rightExpression?: Node;
}

const DECIDES = ["IfStatement", "WhileStatement", "DoWhileStatement", "ForStatement", "Conditional"];
const isLogical = ({ nodeType, operator }: Node) =>
  nodeType === "BinaryOperation" && (operator === "&&" || operator === "||");

/** Instruments one source. */
export function instrument(name: string, source: string): { text: string; branches: Branch[] } {
  const ranges = new Map<number, number>();
  visit(parse(name, source), (node) => {
    if (DECIDES.includes(node.nodeType) && node.condition) leaves(node.condition, ranges);
    if (isLogical(node)) leaves(node, ranges);
  });
  const bytes = Buffer.from(source);
  const text = (from: number, to: number) => bytes.subarray(from, to).toString();
  const starts = [...ranges.keys()].sort((left, right) => left - right);
  const edits = starts.flatMap((start, index) => [
    { at: start, put: `_branch${index}(`, order: 1 },
    { at: ranges.get(start)!, put: ")", order: 0 },
  ]);
  edits.sort((left, right) => left.at - right.at || left.order - right.order);
  let [result, done] = ["", 0];
  for (const { at, put } of edits) {
    result += text(done, at) + put;
    done = at;
  }
  result += text(done, bytes.length);
  const branches = starts.map((start) => {
    const line = text(0, start).split("\n").length;
    const first = result.split("\n").length;
    result += `function _branch${starts.indexOf(start)}(bool c) pure returns (bool) { if (c) {\nreturn true;\n}\nreturn false; }\n`;
    const condition = text(start, ranges.get(start)!).replaceAll(/\s+/g, " ");
    return { line, condition, whenTrue: first + 1, whenFalse: first + 3 };
  });
  return { text: result, branches };
}

function parse(name: string, source: string): Node {
  const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
  const settings = { stopAfter: "parsing", outputSelection: { "*": { "": ["ast"] } } };
  const input = { language: "Solidity", sources: { [name]: { content: source } }, settings };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const ast = output.sources?.[name]?.ast as Node | undefined;
  if (ast === undefined) throw new Error(`${name} was not parsed: ${JSON.stringify(output.errors)}`);
  return ast;
}

function visit(node: unknown, see: (node: Node) => void): void {
  if (typeof node !== "object" || node === null) return;
  if ("nodeType" in node) see(node as Node);
  for (const child of Object.values(node)) visit(child, see);
}

/** The smallest conditions that a condition is made of: start and end in bytes. */
function leaves(node: Node, into: Map<number, number>): void {
  if (isLogical(node)) {
    leaves(node.leftExpression!, into);
    leaves(node.rightExpression!, into);
  } else if (node.nodeType === "UnaryOperation" && node.operator === "!") {
    leaves(node.subExpression!, into);
  } else if (node.nodeType === "TupleExpression" && node.components!.length === 1) {
    leaves(node.components![0]!, into);
  } else {
    const [start, length] = node.src.split(":").map(Number);
    into.set(start!, start! + length!);
  }
}
