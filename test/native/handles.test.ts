// SPDX-License-Identifier: GPL-3.0-or-later
/** What the addon is handed back must be what it handed out: anything else is an error and no crash (W23). */
import { createServer, type Server } from "node:net";
import { types } from "node:util";
import { expect } from "chai";
import { loadArtifacts } from "../../prover/src/node/artifacts.ts";
import { type Addon, loadAddon, PATHS } from "../../prover/src/node/native.ts";
import { skip } from "../support/skip.ts";

describe("handles of the native prover", () => {
  let addon: Addon;
  let key: object;
  let plan: object;
  let server: Server;
  const proveWith = (handle: unknown) =>
    addon.prove(handle as object, new Uint8Array(8), new Uint8Array(64), 1, new Int32Array(1));

  before(async function () {
    const native = loadAddon();
    if (native.addon === undefined) return skip(this, "no native prover");
    addon = native.addon;
    const artifacts = await loadArtifacts("merge-60");
    key = (await addon.open(artifacts.zkey, PATHS.indexOf(native.path))) as object;
    plan = addon.openPlan(artifacts.plan!) as object;
    expect([key, plan].every((handle) => types.isExternal(handle))).equal(true);
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => server?.close());

  it("W23: a handle of another kind or maker, and what is none, is a TypeError wherever a handle is taken", () => {
    const foreign = (server as unknown as { _handle: { _externalStream: object } })._handle._externalStream;
    expect(types.isExternal(foreign)).equal(true);
    const none = [foreign, {}, Object.create(null), 1, "key", null, undefined, new Uint8Array(8), () => {}, Symbol()];
    for (const handle of [plan, ...none]) {
      expect(() => proveWith(handle), "prove").throw(TypeError, "wrong arguments");
      expect(() => addon.close(handle as object), "close").throw(TypeError, "wrong arguments");
    }
    for (const handle of [key, ...none]) {
      expect(() => addon.witness(handle as object, new Uint8Array(32)), "witness").throw(TypeError, "wrong arguments");
    }
  });

  it("the right ones are taken after all of that, and a key that was closed is not", async () => {
    expect(await proveWith(key), "a status: this is no witness").a("number");
    expect(addon.witness(plan, new Uint8Array(32)), "a status: too short an input").a("number");
    addon.close(key);
    expect(() => proveWith(key)).throw(TypeError, "wrong arguments");
    expect(() => addon.close(key)).throw(TypeError, "wrong arguments");
  });
});
