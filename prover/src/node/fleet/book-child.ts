// SPDX-License-Identifier: GPL-3.0-or-later
/** The process that proves steps of a book. Its prover stays warm. */
import { createHash } from "node:crypto";
import { proveShard } from "../../app/prove-book.ts";
import { PlimsollError } from "../../errors.ts";
import { proverOf } from "../../prove/prover.ts";
import { loadArtifacts } from "../artifacts.ts";
import { selectBackend } from "../backends.ts";
import { openBookDirectory } from "../book-directory.ts";
import { loadPrepared } from "../prepared-key.ts";
import { openSpongeCore } from "../sponges.ts";
import type { BookChild } from "./book-fleet.ts";
import { serveChild } from "./child.ts";

serveChild(async ({ directory, shardKey, threads }: BookChild) => {
  const book = await openBookDirectory(directory);
  const backend = selectBackend(threads).create();
  // snarkjs reads no prepared keys.
  const load = backend.name === "snarkjs" ? loadArtifacts : loadPrepared;
  const prover = proverOf({ load: (size) => load(size), backend, sponges: openSpongeCore().sponges });
  return async ({ shard, sha256 }, onStep) => {
    const index = Number(shard);
    const content = await book.shard(index);
    if (createHash("sha256").update(content).digest("hex") !== sha256) {
      throw new PlimsollError("SHARD_REFUSED", "the shard is not the one that is to be proven");
    }
    return proveShard({ prover, onStep }, { ...book, shardKey }, index, content);
  };
});
