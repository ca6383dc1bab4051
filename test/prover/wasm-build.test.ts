// SPDX-License-Identifier: GPL-3.0-or-later
/** The committed WebAssembly module is what the committed sources compile to. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { compileWasm, hasWasmCompiler, readWasmRecord, sha256, WASM, wasmSources } from "../../scripts/build-wasm.ts";
import { skip } from "../support/skip.ts";

describe("the WebAssembly module", () => {
  it("is the one that its record names, made from the sources as they are", () => {
    const record = readWasmRecord();
    expect(sha256(readFileSync(WASM))).equal(record.sha256);
    expect(wasmSources(), "stale: node scripts/build-wasm.ts makes it anew").equal(record.madeFrom);
  });

  it("imports a memory and nothing else", async () => {
    const module = await WebAssembly.compile(readFileSync(WASM));
    expect(WebAssembly.Module.imports(module)).deep.equal([{ module: "env", name: "memory", kind: "memory" }]);
  });

  it("comes out of the compiler the same, bit for bit", function () {
    if (!hasWasmCompiler()) return skip(this, "clang++-19 is not installed");
    this.timeout(600_000);
    expect(sha256(compileWasm())).equal(readWasmRecord().sha256);
  });
});
