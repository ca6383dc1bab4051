// SPDX-License-Identifier: GPL-3.0-or-later
/** The proving page's own code: from the chosen files to a proof, with the WebAssembly backend. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { accountWarnings } from "../../app/account-warnings.ts";
import { proveCoverage } from "../../app/prove.ts";
import type { Envelope } from "../../document/proof.ts";
import { PlimsollError } from "../../errors.ts";
import { type AccountFile, readAccount, readViewingKey } from "../../formats/account.ts";
import { readTables } from "../../formats/account-tables.ts";
import type { DecimalSign, ThousandsSign } from "../../formats/decimal.ts";
import { formatJson } from "../../formats/json.ts";
import { isLabel } from "../../formats/labels.ts";
import { readMarket } from "../../formats/market.ts";
import { type LevelName, type PolicyFile, readPolicy } from "../../formats/policy.ts";
import { type ArtifactSource, openArtifacts } from "../../keys/manifest.ts";
import { isEvidence } from "../../keys/origin.ts";
import { coverageBpsDown, evaluate, isAtLeast } from "../../model/evaluate.ts";
import { type Prover, type ProveStep, proverOf } from "../../prove/prover.ts";
import { wasmBackend } from "../../prove/wasm.ts";
import { cashSection } from "../../report/cash.ts";
import { type Markup, markup } from "../../report/html.ts";
import { accountOverview } from "../../report/overview.ts";
import { partsMarkup } from "../../report/parts-html.ts";
import type { Direction } from "../../statement/signals.ts";
import { button, element, fail, field, filesOf, offer, stopwatch } from "../dom.ts";
import { artifact, fileFor, ROLES, type Role, showFound, take, textFor } from "./files.ts";

/** The module of prover/native/wasm in base64, and the code of worker.ts: scripts/build-page.ts puts them in. */
declare const MODULE: string;
declare const WORKER: string;

const MOST_THREADS = 16;
/** In order, with how far along each is. */
const STEPS: Readonly<Record<ProveStep, readonly [words: string, share: number]>> = {
  load: ["Reading circuit and keys", 0.05],
  witness: ["Computing the witness", 0.35],
  prove: ["Proving", 0.45],
  verify: ["Verifying the proof", 0.95],
};

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
    const file = artifact(path);
    if (file === undefined) {
      throw new PlimsollError("ARTIFACT_MISSING", "the file is not among the chosen ones", { file: path });
    }
    const bytes = await bytesOf(file);
    return { bytes, sha256: bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))) };
  },
};

/** Fields that say how an account is read. */
const TABLE_FIELDS = ["source", "no-collateral", "no-positions", "name", "decimal", "thousands", "sequence"] as const;

/** The last proof. */
let proof = "";

interface Opened {
  readonly policy: ReturnType<typeof readPolicy>;
  readonly market: ReturnType<typeof readMarket>;
  readonly holder: AccountFile;
}

/** Reads what the account is valued with. Throws like the readers, and USAGE where a file is not chosen. */
async function open(): Promise<Opened> {
  const [policyFile, marketFile] = await Promise.all([textFor("policy"), textFor("market")]);
  const policy = readPolicy(policyFile.text, policyFile.file);
  const market = readMarket(marketFile.text, marketFile.file, policy);
  if (isTabled()) return { policy, market, holder: await tabledAccount(policy, market) };
  const accountFile = await textFor("account");
  return { policy, market, holder: readAccount(accountFile.text, accountFile.file, policy, market) };
}

const isTabled = (): boolean => field("source").value === "tables";
const ticked = (id: string): boolean => element<HTMLInputElement>(id).checked;
/** The files that an account needs, as far as they are needed. */
const needed = (): readonly Role[] => {
  if (!isTabled()) return ["policy", "market", "account"];
  const portfolio: readonly Role[] = ticked("no-collateral") ? [] : ["portfolio"];
  return ["policy", "market", ...portfolio, ...(ticked("no-positions") ? [] : (["positions"] as const))];
};

/** The chosen account of the tables. What a person should know of them is listed below. */
async function tabledAccount(policy: Opened["policy"], market: Opened["market"]): Promise<AccountFile> {
  const [noCollateral, noPositions] = [ticked("no-collateral"), ticked("no-positions")];
  const [decimal, thousands] = ["decimal", "thousands"].map((id) => field(id).value || undefined);
  const read = readTables(
    {
      portfolio: noCollateral ? undefined : await textFor("portfolio"),
      positions: noPositions ? undefined : await textFor("positions"),
    },
    policy,
    market,
    { noCollateral, noPositions, decimal: decimal as DecimalSign, thousands: thousands as ThousandsSign },
  );
  const select = element<HTMLSelectElement>("name");
  const chosenName = select.value;
  select.replaceChildren(...read.names.map((name) => new Option(name, name)));
  if (read.names.includes(chosenName)) select.value = chosenName;
  element("table-notes").replaceChildren(
    ...read.notes.map((note) => Object.assign(document.createElement("li"), { textContent: note })),
  );
  const sequence = field("sequence").value.trim();
  if (!/^(0|[1-9][0-9]{0,18})$/.test(sequence)) {
    throw new PlimsollError("USAGE", "how many proofs the account has had accepted: expected a whole number");
  }
  return read.account(select.value, BigInt(sequence));
}

const claim = ({ levels }: PolicyFile) => ({
  level: levels[field("level").value as LevelName],
  direction: field("direction").value as Direction,
});

/** The account that is shown, if one is. */
let shown: Opened | undefined;
/** Whether the person has said where the account is read from. */
let sourceChosen = false;
/** How often the files have changed: only the last of them are shown. */
let changes = 0;

/** Values the account as soon as it can be read, and says whether the claim is true of it. */
async function preview(): Promise<void> {
  showFound();
  // Tables alone: the account is in them.
  const tables = fileFor("portfolio") ?? fileFor("positions");
  if (!sourceChosen)
    field("source").value = fileFor("account") === undefined && tables !== undefined ? "tables" : "file";
  element("tables").hidden = !isTabled();
  shown = undefined;
  const change = ++changes;
  let opened: Opened | undefined;
  if (needed().every((role) => fileFor(role) !== undefined)) {
    opened = await open().catch((error) => {
      fail(error, "These files cannot be read.");
      return undefined;
    });
  }
  if (change !== changes) return;
  shown = opened;
  element("overview").hidden = shown === undefined;
  element("figures").innerHTML = shown === undefined ? "" : figuresOf(shown).text;
  showTruth();
}

/** What looks wrong, where the account stands, and how its cash follows from the balance. */
function figuresOf({ policy, market, holder }: Opened): Markup {
  const { account, conversion } = holder;
  return markup`${accountWarnings(holder, policy, market).map((line) => markup`<p class="notes"><strong>${line}.</strong></p>`)}
${accountOverview({ policy, market, account })}
${conversion === undefined ? "" : cashSection(conversion, policy.cashSymbol)}`;
}

function showTruth(): void {
  const truth = element("truth");
  if (shown === undefined) {
    truth.textContent = "";
    return;
  }
  const evaluation = evaluate(shown.holder.account, shown.policy.policy, shown.market.market);
  const { level, direction } = claim(shown.policy);
  const coverage = coverageBpsDown(evaluation);
  const words = coverage === undefined ? "it needs no margin" : `its coverage is ${Number(coverage) / 100}%`;
  const isTrue = isAtLeast(evaluation, level) === (direction === "at-least");
  truth.textContent = `${Number(level) / 100}%: ${isTrue ? "true" : "not true, so no proof of it exists"}; ${words} (private).`;
}

async function prove(): Promise<void> {
  const { policy, market, holder } = await open();
  const keyFile = await textFor("key");
  const keyed = { ...holder, viewingKey: readViewingKey(keyFile.text, keyFile.file) };
  const audience = field("audience").value;
  if (!isLabel(audience)) throw new PlimsollError("USAGE", "name the reader or the request that the proof is for");
  const bar = element<HTMLProgressElement>("bar");
  let step = STEPS.load;
  bar.hidden = false;
  const end = stopwatch((seconds) => {
    bar.value = step[1];
    say(`${step[0]}… ${seconds.toFixed(1)} s`);
  });
  const onStep = (next: ProveStep) => {
    step = STEPS[next];
  };
  const envelope = await proveCoverage(
    prover,
    keyed,
    { ...claim(policy), audience, policy, market },
    { onStep },
  ).finally(() => {
    bar.hidden = true;
    const seconds = end();
    say(`Done in ${seconds.toFixed(2)} s.`);
  });
  element("statement").innerHTML = provenBox(envelope).text;
  proof = formatJson(envelope);
  element("save").hidden = false;
}

const provenBox = ({ statement, verificationKey: { origin } }: Envelope): Markup =>
  partsMarkup([
    {
      is: "outcome",
      tone: "good",
      title: "Proven",
      sentence: statement.text,
      notes: [],
      forgeable: isEvidence(origin) ? [] : [origin],
    },
  ]);

function save(): void {
  const link = document.createElement("a");
  offer(link, "proof.json", proof, "application/json");
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function say(text: string): void {
  element("progress").textContent = text;
}

/** A proof is of what was given: it goes when any of that changes. */
function clearProof(): void {
  element("save").hidden = true;
  element("error").textContent = "";
  element("statement").replaceChildren();
  say("");
  proof = "";
}

function changeArtifacts(): void {
  const last = prover;
  prover = newProver();
  void last.close();
}

button("prove").addEventListener("click", () => {
  button("prove").disabled = true;
  clearProof();
  prove()
    .catch((error) => fail(error, "This page has failed; there is no proof."))
    .finally(() => {
      button("prove").disabled = false;
    });
});
button("save").addEventListener("click", save);
for (const role of ROLES) field(role).addEventListener("change", () => void preview());
field("source").addEventListener("change", () => {
  sourceChosen = true;
});
for (const id of TABLE_FIELDS) {
  field(id).addEventListener("change", () => {
    clearProof();
    void preview();
  });
}
for (const id of ["direction", "level"]) field(id).addEventListener("change", showTruth);
for (const id of ["direction", "level", "audience", ...ROLES]) field(id).addEventListener("input", clearProof);
for (const id of ["folder", "files"]) {
  field(id).addEventListener("change", () => {
    clearProof();
    take(filesOf(id))
      .then(changeArtifacts)
      .then(preview)
      .catch((error) => fail(error, "These files cannot be read."));
  });
}
element("artifacts").addEventListener("change", () => {
  clearProof();
  changeArtifacts();
  showFound();
});
