// SPDX-License-Identifier: GPL-3.0-or-later
/** Links on chain: what `LinkVerifier` takes and refuses is what the strict verifier does. */
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import type { BaseContract, Contract } from "ethers";
import { FIELD_ORDER } from "../../prover/src/field.ts";
import { loadLinkKey } from "../../prover/src/node/artifacts.ts";
import { createLinkMaker } from "../../prover/src/prove/link.ts";
import { linkedGroupsOf } from "../../prover/src/statement/families.ts";
import type { Link, LinkPoint, LinkStatement } from "../../prover/src/statement/link.ts";
import { createLinkVerifier } from "../../prover/src/verify/link.ts";
import {
  linkOf,
  moved,
  plain,
  pointOf,
  secretsOf,
  simulatedKey,
  statementOf,
  times,
  VECTOR,
} from "../support/links.ts";
import { type Chain, callView, createChain } from "./world.ts";

const HEAD_BYTES = 512;
const Q = bn254.fields.Fp.ORDER;
const headOf = ({ linkKeyFile }: { linkKeyFile: Uint8Array }) =>
  `0x${Buffer.from(linkKeyFile.subarray(0, HEAD_BYTES)).toString("hex")}`;

describe("links on chain", function () {
  this.timeout(120_000);
  const key = simulatedKey();
  const statement = statementOf(VECTOR);
  const honest = linkOf(VECTOR);
  const strict = createLinkVerifier(key.loaded.linkKeyFile, key.loaded.identity);
  let chain: Chain;
  let contract: Contract;

  before(async () => {
    chain = await createChain();
    contract = await deployed(headOf(key.loaded));
  });
  const deployed = async (head: string) =>
    (await chain.ethers.deployContract("LinkHarness", [head])) as unknown as Contract;
  const verify = (of: LinkStatement, link: Link, by = contract, first = VECTOR.first) =>
    callView(by, "verify", of.subject, first, of.values, link);

  /** Refuses on chain with this error, and off chain too. */
  async function refused(of: LinkStatement, link: Link, error: string, what: string): Promise<void> {
    expect(strict.verify(of, link).ok, what).equal(false);
    await expect(verify(of, link), what).to.be.revertedWithCustomError(contract as BaseContract, error);
  }
  const changed = (index: number, value: bigint) => ({ ...statement, values: statement.values.with(index, value) });

  it("takes the known answer, under the name that the key has off chain", async () => {
    expect(await callView(contract, "keyId")).equal(VECTOR.keyId);
    await verify(statement, honest);
    expect(strict.verify(statement, honest).ok).equal(true);
  });

  it("takes values in parts, which is how a long board comes", async () => {
    for (const cut of [0, 1, 59, 119, 120]) {
      await callView(contract, "verifyParts", statement.subject, VECTOR.first, statement.values, cut, honest);
    }
  });

  it("refuses values, subject, place and points that are others, as the strict verifier does", async () => {
    for (const index of [0, 1, 60, 119]) await refused(changed(index, 17n), honest, "LinkFalse", `value ${index}`);
    await refused({ ...statement, subject: `0x${"ab".repeat(32)}` }, honest, "LinkFalse", "subject");
    for (const first of [VECTOR.first - 1, VECTOR.first + 1]) {
      await expect(verify(statement, honest, contract, first)).to.be.revertedWithCustomError(contract, "LinkFalse");
    }
    const short = { ...statement, values: statement.values.slice(0, -1) };
    await refused(short, honest, "LinkFalse", "one too few");
    await refused({ ...statement, values: [...statement.values, 0n] }, honest, "LinkFalse", "one zero too many");
    for (const name of Object.keys(honest) as (keyof Link)[]) {
      const { x, y } = honest[name];
      const others: LinkPoint[] = [
        { x, y: Q - y },
        moved(honest[name], times(1n)),
        plain(pointOf(honest[name]).double()),
      ];
      for (const point of others) await refused(statement, { ...honest, [name]: point }, "LinkFalse", name);
    }
  });

  it("refuses points at infinity, off the curve and not reduced, values not reduced, zeros and no subject, by name", async () => {
    const names = ["point", "polynomial", "proof", "opening"] as const;
    for (const [index, name] of names.entries()) {
      const { x, y } = honest[name];
      for (const point of [
        { x: 0n, y: 0n },
        { x: x + Q, y },
        { x, y: y + Q },
        { x: 0n, y: Q },
        { x: Q, y: 0n },
      ]) {
        expect(strict.verify(statement, { ...honest, [name]: point }).ok).equal(false);
        await expect(verify(statement, { ...honest, [name]: point }))
          .to.be.revertedWithCustomError(contract, "LinkPointRefused")
          .withArgs(index);
      }
      await refused(statement, { ...honest, [name]: { x: x ^ 1n, y } }, "PrecompileFailed", `${name} off the curve`);
    }
    for (const value of [FIELD_ORDER, statement.values[3]! + FIELD_ORDER, (1n << 256n) - 1n]) {
      await expect(verify(changed(3, value), honest))
        .to.be.revertedWithCustomError(contract, "InputNotCanonical")
        .withArgs(3, value);
    }
    const zeros = { ...statement, values: statement.values.map(() => 0n) };
    const infinity = { x: 0n, y: 0n };
    const nothing = { point: infinity, polynomial: infinity, proof: infinity, opening: infinity };
    for (const values of [zeros.values, []]) {
      await refused({ ...statement, values }, honest, "LinkFalse", "zeros");
      await refused({ ...statement, values }, nothing, "LinkPointRefused", "zeros, with their link");
    }
    await refused({ ...statement, subject: `0x${"00".repeat(32)}` }, honest, "LinkSubjectZero", "no subject");
  });

  it("refuses forged links: of other values with π in order, of a point moved with π, of an opening used again", async () => {
    const { k1 } = secretsOf(VECTOR);
    const maker = await createLinkMaker(key.loaded);
    const other = maker.link(changed(7, 99n));
    await refused(statement, other, "LinkFalse", "a link of other values");
    await refused(statement, { ...other, opening: honest.opening }, "LinkFalse", "with the opening of these");
    await refused(statement, { ...honest, point: other.point, proof: other.proof }, "LinkFalse", "another point and π");
    const elsewhere = maker.link({ ...statement, subject: `0x${"ab".repeat(32)}` });
    await refused(statement, elsewhere, "LinkFalse", "an opening used again");
    // P and its π moved together need k1·G; ρ then is another, too.
    const together = { ...honest, point: moved(honest.point, times(9n)), proof: moved(honest.proof, times(9n * k1)) };
    await refused(statement, together, "LinkFalse", "P and π moved together, with the old opening");
  });

  it("refuses keys whose secrets anybody knows or that are no points, when they are taken", async () => {
    const { k1, tau } = secretsOf(VECTOR);
    for (const secrets of [
      { k1: 1n },
      { k2: FIELD_ORDER - 1n },
      { k2: k1 },
      { k2: FIELD_ORDER - k1 },
      { k1: tau },
      { tau: 1n },
    ]) {
      await expect(deployed(headOf(simulatedKey({ secrets }).loaded))).to.be.revertedWithCustomError(
        contract,
        "LinkKeyRefused",
      );
    }
    const head = (at: number, bytes: Uint8Array) => {
      const changed = Uint8Array.from(key.loaded.linkKeyFile.subarray(0, HEAD_BYTES));
      changed.set(bytes, at);
      return headOf({ linkKeyFile: changed });
    };
    for (const at of [128, 256, 384]) {
      await expect(deployed(head(at, new Uint8Array(128)))).to.be.revertedWithCustomError(contract, "LinkKeyRefused");
      await expect(deployed(head(at, Uint8Array.of(1)))).to.be.revertedWithCustomError(contract, "PrecompileFailed");
    }
    const foreign = await deployed(headOf(simulatedKey({ secrets: { k2: 5n } }).loaded));
    await expect(verify(statement, honest, foreign)).to.be.revertedWithCustomError(contract, "LinkFalse");
  });

  it("takes links of a real key, for the gas that docs/link.md names", async () => {
    const real = await loadLinkKey("board-60");
    const by = await deployed(headOf(real));
    const maker = await createLinkMaker(real);
    const costs: Record<string, number[]> = {};
    for (const { name, first, count } of linkedGroupsOf("board-60")) {
      const values = Array.from({ length: count }, (_, index) => (1n << 210n) + (BigInt(index) << 126n) + (1n << 42n));
      const linked = { group: name, subject: `0x${"17".repeat(32)}`, values };
      const link = maker.link(linked);
      await verify(linked, link, by, first);
      const measured = (await callView(by, "measure", linked.subject, first, values, link)) as [bigint, bigint];
      costs[name] = measured.map(Number);
    }
    if (process.env.GAS === "1") console.log(costs);
    for (const [checked, evaluated] of Object.values(costs)) {
      expect(checked).within(200_000, 212_000);
      expect(evaluated).lessThan(130_000);
    }
  });
});
