// SPDX-License-Identifier: GPL-3.0-or-later
/** The page's own code: from a key, a name and entropy to the next key, made by a worker. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { MIN_TYPED } from "../../ceremony/steps.ts";
import { contributorName, refusal } from "../../ceremony/transcript.ts";
import { foreign } from "../../document/words.ts";
import { lookOf } from "../../formats/look-alikes.ts";
import { readZkey } from "../../keys/zkey.ts";
import { markup } from "../../report/html.ts";
import { fact } from "../../report/parts.ts";
import { partsMarkup } from "../../report/parts-html.ts";
import { attempting, button, element, field, offer, stopwatch } from "../dom.ts";
import type { Report, Task } from "./worker.ts";

/** The code of worker.ts: scripts/build-page.ts puts it in. */
declare const WORKER: string;

/** Where the pointer has been, and when: the newest of it. */
const MAX_MOVES = 4_096;

let key: Uint8Array<ArrayBuffer> | undefined;
const moves: string[] = [];
addEventListener("pointermove", ({ screenX, screenY, timeStamp }) => {
  moves.push(`${screenX},${screenY},${timeStamp}`);
  if (moves.length > MAX_MOVES) moves.shift();
});

const attempt = attempting("This page has failed; nothing has been contributed.");

async function choose(file: File | undefined): Promise<void> {
  key = undefined;
  button("contribute").disabled = true;
  element("result").hidden = true;
  element("says").textContent = "";
  if (file === undefined) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  const names = readZkey(bytes).contributions.map(({ name }) => name);
  element("says").innerHTML =
    names.length === 0
      ? "Nobody has contributed yet."
      : markup`Contributions so far, by the key's own word:${partsMarkup(names.map((name) => fact("by", foreign(name, "contributor"))))}`
          .text;
  key = bytes;
  button("contribute").disabled = false;
}

async function contribute(): Promise<void> {
  if (key === undefined) return;
  const name = contributorName(field("name").value);
  if (readZkey(key).contributions.some((earlier) => lookOf(earlier.name) === lookOf(name))) {
    throw refusal("DUPLICATE_CONTRIBUTOR", "this name, or one that looks like it, has contributed already");
  }
  if (field("typed").value.length < MIN_TYPED) throw refusal("ENTROPY_SHORT", `type at least ${MIN_TYPED} characters`);
  const machine = bytesToHex(crypto.getRandomValues(new Uint8Array(64)));
  const entropy = [machine, field("typed").value, ...moves].join("\n");
  field("typed").value = "";
  moves.length = 0;
  button("contribute").disabled = true;
  element("result").hidden = true;
  const bar = element<HTMLProgressElement>("bar");
  bar.hidden = false;
  bar.value = 0;
  const end = stopwatch((seconds) => {
    element("progress").textContent = `Contributing: ${Math.round(bar.value * 100)}%, ${Math.round(seconds)} s`;
  });
  const { next, hash } = await work({ key, name, entropy }, (share) => {
    bar.value = share;
  }).finally(() => {
    bar.hidden = true;
    element("progress").textContent = `Done in ${Math.round(end())} s.`;
  });
  offer(element<HTMLAnchorElement>("next"), "next.zkey", next, "application/octet-stream");
  element("hash").textContent = hash;
  element("result").hidden = false;
}

/** Lets a worker make the next key. The worker, and the secret with it, ends with that. */
function work(task: Task, onShare: (share: number) => void): Promise<{ next: Uint8Array<ArrayBuffer>; hash: string }> {
  const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  const worker = new Worker(url);
  URL.revokeObjectURL(url);
  return new Promise<{ next: Uint8Array<ArrayBuffer>; hash: string }>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Report>) => {
      if ("done" in data) onShare(data.done / data.all);
      else if ("next" in data) resolve(data);
      else reject(new Error("the worker has failed"));
    };
    worker.onerror = () => reject(new Error("the worker has failed"));
    worker.postMessage(task);
  }).finally(() => worker.terminate());
}

field("key").addEventListener("change", () => attempt(() => choose(element<HTMLInputElement>("key").files?.[0])));
button("contribute").addEventListener("click", () => attempt(contribute));
