// SPDX-License-Identifier: GPL-3.0-or-later
/** The proving page's own code: from the chosen files to a proof, with the WebAssembly backend. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { proveEnvelope } from "../../document/proof.ts";
import { PlimsollError } from "../../errors.ts";
import { readAccount, readViewingKey } from "../../formats/account.ts";
import { formatJson, isLabel, type Json } from "../../formats/json.ts";
import { readMarket } from "../../formats/market.ts";
import { type LevelName, readPolicy } from "../../formats/policy.ts";
import { type ArtifactSource, openArtifacts } from "../../keys/manifest.ts";
import { NO_TRANSFER, noFill } from "../../model/transition.ts";
import { type Prover, type ProveStep, proverOf } from "../../prove/prover.ts";
import { wasmBackend } from "../../prove/wasm.ts";
import type { Direction } from "../../statement/signals.ts";

/** The module of prover/native/wasm in base64, and the code of worker.ts: scripts/build-page.ts puts them in. */
declare const MODULE: string;
declare const WORKER: string;

const MOST_THREADS = 16;
const MAX_TEXT_BYTES = 4_000_000;
const STEPS: Readonly<Record<ProveStep, string>> = {
  load: "Reading circuit and keys…",
  witness: "Computing the witness…",
  prove: "Proving…",
  verify: "Verifying the proof…",
};

const element = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;
const filesOf = (id: string): File[] => Array.from(element<HTMLInputElement>(id).files ?? []);
const bytesOf = async (file: File): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array(await file.arrayBuffer());

/** A worker from this page's own text: none is fetched. */
function startWorker() {
  const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  const worker = new Worker(url);
  URL.revokeObjectURL(url);
  return {
    post: (message: unknown, taken: ArrayBuffer[] = []) => worker.postMessage(message, taken),
    listen(listener: (message: unknown) => void) {
      worker.onmessage = ({ data }) => listener(data);
      worker.onerror = () => listener(undefined);
    },
    end() {
      worker.terminate();
      return undefined;
    },
  };
}

const newProver = (): Prover =>
  proverOf({
    load: async (size) => (await openArtifacts(size, chosen)).all(),
    backend: wasmBackend({
      threads: crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MOST_THREADS) : 1,
      module: () => WebAssembly.compile(Uint8Array.from(atob(MODULE), (character) => character.charCodeAt(0))),
      startWorker,
    }),
  });
/** Of the chosen artifacts, which it keeps warm: another one when others are chosen. */
let prover = newProver();

/** The chosen artifacts, by the last part of their paths in the manifest. */
const chosen: ArtifactSource = {
  nameOf: (path) => path.slice(path.lastIndexOf("/") + 1),
  remedy: () => "",
  async read(path) {
    const name = this.nameOf(path);
    const file = filesOf("artifacts").find((candidate) => candidate.name === name);
    if (file === undefined) {
      throw new PlimsollError("ARTIFACT_MISSING", "the file is not among the chosen ones", { file: path });
    }
    const bytes = await bytesOf(file);
    return { bytes, sha256: bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))) };
  },
};

/** The last proof. */
let proof = "";

async function textOf(id: string, what: string): Promise<{ text: string; file: string }> {
  const [file] = filesOf(id);
  if (file === undefined) throw new PlimsollError("USAGE", `choose the ${what}`);
  if (file.size > MAX_TEXT_BYTES) throw new PlimsollError("TOO_LARGE", "the file is too large", { file: file.name });
  return { text: await file.text(), file: file.name };
}

async function prove(): Promise<void> {
  const files = await Promise.all([
    textOf("policy", "policy"),
    textOf("market", "market"),
    textOf("account", "account"),
    textOf("key", "viewing key"),
  ]);
  const [policyFile, marketFile, accountFile, keyFile] = files;
  const policy = readPolicy(policyFile.text, policyFile.file);
  const market = readMarket(marketFile.text, marketFile.file, policy);
  const { account } = readAccount(accountFile.text, accountFile.file, policy, market);
  const before = { ...account, viewingKey: readViewingKey(keyFile.text, keyFile.file) };
  const audience = element<HTMLInputElement>("audience").value;
  if (!isLabel(audience)) throw new PlimsollError("USAGE", "say for whom or what the proof is");
  const level = policy.levels[element<HTMLSelectElement>("level").value as LevelName];
  const direction = element<HTMLSelectElement>("direction").value as Direction;
  const transition = { transfer: NO_TRANSFER, fill: noFill(before.size), side: 1n } as const;
  const start = performance.now();
  const envelope = await proveEnvelope(
    prover,
    { before, transition, level, direction, audience, policy, market },
    { onStep: (step) => say(STEPS[step]) },
  );
  say(`Done in ${((performance.now() - start) / 1000).toFixed(2)} s.`);
  element("statement").textContent = envelope.statement.text;
  proof = formatJson(envelope as unknown as Json);
  element("save").hidden = false;
}

function save(): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([proof], { type: "application/json" }));
  link.download = "proof.json";
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function say(text: string): void {
  element("progress").textContent = text;
}

element("prove").addEventListener("click", () => {
  const button = element<HTMLButtonElement>("prove");
  button.disabled = true;
  element("save").hidden = true;
  element("error").textContent = "";
  element("statement").textContent = "";
  prove()
    .catch((error) => {
      say("");
      element("error").textContent =
        error instanceof PlimsollError ? error.message : "This page has failed; there is no proof.";
    })
    .finally(() => {
      button.disabled = false;
    });
});
element("save").addEventListener("click", save);
element("artifacts").addEventListener("change", () => {
  const last = prover;
  prover = newProver();
  void last.close();
});
