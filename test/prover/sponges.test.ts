// SPDX-License-Identifier: GPL-3.0-or-later
/** Many sponges at once: the same from every core and from the portable permutation, and from each input by itself. */
import { expect } from "chai";
import { FIELD_ORDER, type FieldElement } from "../../prover/src/field.ts";
import { BOOK_LEAVES, type BookLeaf, bookTree, buildBookTree } from "../../prover/src/model/book.ts";
import { commitState, PURPOSE, type SpongeInput, spongeOf } from "../../prover/src/model/commit.ts";
import { loadAddon } from "../../prover/src/node/native.ts";
import { commitStates, openSpongeCore, type SpongeCore } from "../../prover/src/node/sponges.ts";
import { portableSponges, spongesBy } from "../../prover/src/prove/sponges.ts";
import { biased, randomAccount, seededRng } from "../support/random.ts";
import { skip } from "../support/skip.ts";

const rng = seededRng(43);
const element = () => biased(rng, 0n, FIELD_ORDER - 1n) as FieldElement;

/** Of every length up to three blocks, in no order. */
const inputs: SpongeInput[] = Array.from({ length: 49 }, (_, at) => ({
  purpose: 1 + (at % 12),
  instruments: (60 * at) % 500,
  elements: Array.from({ length: (20 * at) % 49 }, element),
}));
const expected = inputs.map(spongeOf);
const leaves: BookLeaf[] = Array.from({ length: 300 }, () => ({ state: element(), tag: element() }));

function asking<T>(backend: string | undefined, work: () => T): T {
  const before = process.env.PLIMSOLL_BACKEND;
  if (backend === undefined) delete process.env.PLIMSOLL_BACKEND;
  else process.env.PLIMSOLL_BACKEND = backend;
  try {
    return work();
  } finally {
    if (before === undefined) delete process.env.PLIMSOLL_BACKEND;
    else process.env.PLIMSOLL_BACKEND = before;
  }
}

describe("many sponges at once", () => {
  for (const [backend, name] of [
    ["native", "native"],
    ["wasm", "wasm"],
    ["snarkjs", "portable"],
  ] as const) {
    describe(name, () => {
      let core: SpongeCore;
      before(function () {
        if (backend === "native" && loadAddon().addon === undefined) skip(this, "no native prover");
        core = asking(backend, openSpongeCore);
      });
      after(() => core?.close());

      it("is what PLIMSOLL_BACKEND asks for", () => expect(core.name).equal(name));

      it("gives each input's sponge, in their order, whatever their lengths; of none, none", async () => {
        expect(await core.sponges(inputs)).deep.equal(expected);
        expect(await core.sponges([])).deep.equal([]);
        expect(await core.sponges(inputs.slice(3, 4))).deep.equal(expected.slice(3, 4));
      });

      it("C28: builds the tree that a book has, with every path", async () => {
        const [tree, other] = [await buildBookTree(leaves, core.sponges), bookTree(leaves)];
        expect(tree.root).equal(other.root);
        for (const place of [0, 15, 16, 299, 300, 4_096, BOOK_LEAVES - 1]) {
          expect(tree.pathOf(place)).deep.equal(other.pathOf(place));
        }
        expect((await buildBookTree([], core.sponges)).root).equal(bookTree([]).root);
      });

      it("refuses by name an element that is not below the order", async () => {
        for (const value of [-1n, FIELD_ORDER, 1n << 256n]) {
          const bad = inputs.with(7, { ...inputs[7]!, elements: [0n, 0n, value] as FieldElement[] });
          const error = await core.sponges(bad).then(
            () => undefined,
            (thrown: Error) => thrown,
          );
          expect(error).include({ code: "OUT_OF_RANGE" });
          expect(error?.message).equal("inputs[7].elements[2]: expected an element below the field order");
        }
      });
    });
  }

  it("takes the native core where there is one", function () {
    if (loadAddon().addon === undefined) return skip(this, "no native prover");
    expect(asking(undefined, openSpongeCore).name).equal("native");
  });

  it("wipes the bytes that it handed to a core, also where that fails", async () => {
    const given: Uint8Array[] = [];
    const some = [{ purpose: PURPOSE.state, instruments: 60, elements: [FIELD_ORDER - 1n] as FieldElement[] }];
    const failing = spongesBy(async (bytes) => {
      expect(bytes.some((byte) => byte !== 0)).equal(true);
      given.push(bytes);
      throw new Error("no");
    });
    await failing(some).then(
      () => expect.fail("no error"),
      (error: Error) => expect(error.message).equal("no"),
    );
    expect(given).length(1);
    expect(given[0]!.length).equal(17 * 32);
    expect(given[0]!.every((byte) => byte === 0)).equal(true);
  });

  it("more inputs than are bytes at one time", async () => {
    const core = openSpongeCore();
    const [one] = inputs.filter(({ elements }) => elements.length === 3);
    const many = Array.from({ length: 5_000 }, (_, at) => ({ ...one!, instruments: at % 7 }));
    const few = many.slice(0, 7).map(spongeOf);
    expect(await core.sponges(many)).deep.equal(many.map((_, at) => few[at % 7]));
    await core.close();
  });

  it("commits to accounts as each is committed to by itself", async () => {
    const accounts = (["board-60", "board-240", "board-60"] as const).map((size) => randomAccount(rng, size));
    const commitments = await commitStates(accounts);
    expect(commitments).deep.equal(accounts.map(commitState));
    expect(await portableSponges([])).deep.equal([]);
  });
});
