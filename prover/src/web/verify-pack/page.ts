// SPDX-License-Identifier: GPL-3.0-or-later
/** The page's own code: from its fields to a trust file's text, and from a verdict to its report. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { foreign, momentWords } from "../../document/words.ts";
import { PlimsollError } from "../../errors.ts";
import { formatJson } from "../../formats/json.ts";
import { decodeText } from "../../formats/text.ts";
import { timeText } from "../../formats/time.ts";
import { writtenDate } from "../../formats/written-date.ts";
import { isEvidence } from "../../keys/origin.ts";
import { digitsOf, fingerprint, type Trustable, trustablesIn, trustablesOf } from "../../pack/fingerprint.ts";
import { packReport } from "../../pack/report.ts";
import { readTrust, type Trust } from "../../pack/trust.ts";
import { createPackVerifier, peekIndex } from "../../pack/verify.ts";
import { PACK_LIMITS } from "../../pack/zip.ts";
import { markup, when } from "../../report/html.ts";
import { fact } from "../../report/parts.ts";
import { partsMarkup } from "../../report/parts-html.ts";
import { attempting, bothTimes, button, element, field, localTime, offer } from "../dom.ts";

declare const SOFTWARE: string;

const MAX_TRUST_BYTES = 400_000;

/** What could be trusted, once its fingerprint has been told: of the pack, and of a trust file that was sent. */
const candidates: { pack: readonly Trustable[]; sent: readonly Trustable[] } = { pack: [], sent: [] };

let pack: { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
/** Fields of a trust file that the page does not show. */
let seen = new Map<string, NonNullable<Trust["firms"][number]["seen"]>>();
let circuits = new Map<string, string>();

/** Counts what the reader has given: a verdict that was begun before the last change is not shown. */
let inputs = 0;

/** A verdict is of what was given, all of it: it goes when any of that changes. */
function clearVerdict(): void {
  inputs++;
  element("result").replaceChildren();
  element("progress").textContent = "";
  element("error").textContent = "";
  button("print").disabled = true;
}

/** The reader's date, or undefined where the field has none. */
function dateGiven(): Date | undefined {
  try {
    return writtenDate(field("date").value, new Date());
  } catch {
    return undefined;
  }
}

/** Says in words what the fields hold, below each. */
function readBack(): void {
  const told = (id: string, words: (line: string[]) => string) => {
    element(`${id}-read`).textContent = lines(id).map(words).join("; ");
  };
  const named = ([address = "", ...name]: string[]) => name.join(" ") || address;
  told("firms", named);
  told("attesters", named);
  told("keys", ([, size = "?", origin = "origin missing"]) =>
    origin === "ceremony" ? `${size}, from a ceremony` : `${size}, ${origin}: test only`,
  );
  told("oracles", ([chain = "", , board = "?", quorum = "?", ...reporters]) => {
    const count = reporters.filter((word) => word.startsWith("0x")).length;
    return `board ${board} on chain ${chain}, ${quorum} of ${count} reporters`;
  });
  told("policies", ([hash = "", until]) => `${hash.slice(0, 8)}…${until === undefined ? "" : `, until ${until}`}`);
  const date = dateGiven();
  element("date-read").textContent =
    date === undefined ? "Such as 22 November 2026, or 22 November 2026, 14:30" : bothTimes(date);
}

const attempt = attempting("This page has failed; there is no verdict.");

async function choose(file: File | undefined): Promise<void> {
  if (file === undefined) return;
  pack = undefined;
  clearVerdict();
  element("says").replaceChildren();
  element("chosen").textContent = "";
  button("verify").disabled = true;
  if (file.size > PACK_LIMITS.zipBytes) throw new PlimsollError("TOO_LARGE", "the file is larger than any pack");
  pack = { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
  element("chosen").innerHTML =
    markup`${pack.bytes.length.toLocaleString("en-US")} bytes read.${partsMarkup([fact("file", foreign(file.name, "sender"))])}`.text;
  button("verify").disabled = false;
  describe(pack.bytes);
  candidates.pack = orNone(() => trustablesIn(bytesOf(pack)));
}

const bytesOf = (given: typeof pack): Uint8Array => given?.bytes ?? new Uint8Array();

/** Of what is no pack nothing can be trusted; verifying it says why. */
function orNone(read: () => readonly Trustable[]): readonly Trustable[] {
  try {
    return read();
  } catch {
    return [];
  }
}

/** Takes a trust file that somebody sent: nothing in it is trusted before its fingerprints are told. */
async function takeSent(file: File | undefined): Promise<void> {
  candidates.sent = [];
  element("sent-read").textContent = "";
  if (file === undefined) return;
  candidates.sent = trustablesOf(await trustFileIn(file, "the trust file that you were sent")).map(({ what }) => what);
  element("sent-read").textContent = `${candidates.sent.length} entries, none trusted yet.`;
}

/** A line of the fields for what is now trusted, under the name that the reader gives it. */
function lineOf(what: Trustable, name: string): readonly [id: string, line: string] {
  if (what.kind === "key") return ["keys", `${what.sha256} ${what.size} ${what.origin}`];
  if (what.kind === "policy") return ["policies", what.sha256];
  if (what.kind !== "oracle") return [what.kind === "firm" ? "firms" : "attesters", `${what.signer} ${name}`.trim()];
  const { chainId, contract, board, quorum, reporters, listing } = what;
  const words = [chainId, contract, board, quorum, ...reporters, listing];
  return ["oracles", words.filter((word) => word !== undefined).join(" ")];
}

const MEANT = {
  firm: "the firm's seal",
  attester: "a custodian or venue that attests",
  key: "a verification key",
  policy: "a margin policy",
  oracle: "a price oracle",
} as const;

/** Compares what the reader was told with what could be trusted, and trusts what fits. Every line has to fit. */
function compare(): void {
  const known = [...candidates.pack, ...candidates.sent].map((what) => ({ what, digits: fingerprint(what) }));
  const answers = field("told")
    .value.split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const [, written = "", name = ""] = /^((?:\d[\s.,/_-]*)+)(.*)$/.exec(line) ?? [];
      const digits = digitsOf(written);
      if (digits === undefined) return "✗ Expected 25 digits at the start of the line.";
      const found = known.find((each) => each.digits === digits)?.what;
      if (found === undefined) {
        return `✗ ${digits}: nothing in the pack, or in a trust file that you were sent, has these digits. Ask again; if they were right, do not rely on the pack.`;
      }
      const [id, entry] = lineOf(found, name.trim());
      const already = field(id)
        .value.split("\n")
        .filter((each) => each.trim() !== "");
      const first = entry.split(" ")[0]!;
      if (!already.some((each) => each.trim().startsWith(first))) field(id).value = [...already, entry].join("\n");
      const test =
        found.kind === "key" && !isEvidence(found.origin) ? ": made for tests, and no evidence of anything" : "";
      return `✓ ${MEANT[found.kind]}${test}`;
    });
  element("told-answer").textContent = answers.length === 0 ? "Type what you were told first." : answers.join("\n");
  readBack();
}

/** Offers the fields as a trust file. */
function keep(): void {
  const link = document.createElement("a");
  offer(link, "trust.json", formatJson(trustDocument()), "application/json");
  link.click();
}

/** What the pack says of itself, so that the reader knows what to ask for. It fills in nothing. */
function describe(bytes: Uint8Array): void {
  try {
    const { name, firm, number, created, keys, files } = peekIndex(bytes);
    const hashOf = (path: string) => files.find((file) => file.path === path)?.sha256 ?? "";
    element("says").innerHTML =
      markup`<p>It says of itself, unverified: pack ${number}, of ${when(created)}; sealed by <code>${firm.signer}</code>; keys ${keys.map(({ size, file }) => markup`<code>${hashOf(file)}</code> (${size}) `)}</p>
${partsMarkup([
  fact("firm, as it names itself", foreign(firm.name, "firm")),
  fact("name of the pack, in the firm's words", foreign(name, "firm")),
])}`.text;
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
  }
}

/** Lines of words. */
const lines = (id: string): string[][] =>
  field(id)
    .value.split("\n")
    .map((line) => line.trim().split(/[\s,]+/))
    .filter(([first]) => first !== "");

/** The trust file that was loaded names policies, and none: no policy is taken until the field has one. */
let noPolicy = false;

/** What the fields stand for, as a trust file has it. What was looked up on a chain is text, and not in it. */
function trustDocument() {
  const party = ([signer = "", ...name]: string[]) => ({
    name: name.join(" ") || signer,
    signer,
  });
  const hours = Number(field("age").value.replace(",", "."));
  const policies = lines("policies").map(([hash = "", until]) => ({
    sha256: hash,
    ...(until === undefined ? {} : { until }),
  }));
  const audience = field("audience").value.trim();
  return {
    format: "plimsoll-trust/1",
    firms: lines("firms").map((line) => {
      const firm = party(line);
      const last = seen.get(firm.signer.toLowerCase());
      return last === undefined ? firm : { ...firm, seen: { number: `${last.number}`, sha256: last.sha256 } };
    }),
    keys: lines("keys").map(([hash = "", size = "", origin = ""]) => {
      const r1csSha256 = circuits.get(hash);
      return { size, sha256: hash, origin, ...(r1csSha256 === undefined ? {} : { r1csSha256 }) };
    }),
    maxAgeSeconds: Number.isFinite(hours) && field("age").value.trim() !== "" ? Math.round(hours * 3_600) : -1,
    ...(audience === "" ? {} : { audience }),
    ...(policies.length === 0 && !noPolicy ? {} : { policies }),
    attesters: lines("attesters").map(party),
    oracles: lines("oracles").map(([chainId = "", contract = "", board = "", quorum = "", ...words]) => {
      const listing = words.find((word) => !word.startsWith("0x"));
      const reporters = words.filter((word) => word !== listing);
      return { chainId, contract, board, reporters, quorum: Number(quorum), ...(listing && { listing }) };
    }),
  };
}

/** The trust file that the fields stand for. Throws as `readTrust`. */
function trust(): Trust {
  const chain = field("chain").value.trim();
  const text = JSON.stringify(trustDocument());
  // What was looked up is kept as text: only the strict reader parses it.
  return readTrust({
    file: "your trust settings",
    text: chain === "" ? text : `${text.slice(0, -1)},"chain":${chain}}`,
  });
}

async function trustFileIn(file: File, name: string): Promise<Trust> {
  if (file.size > MAX_TRUST_BYTES) throw new PlimsollError("TOO_LARGE", "the file is larger than any trust file");
  return readTrust({ text: decodeText(new Uint8Array(await file.arrayBuffer()), name), file: name });
}

/** Fills the fields from a trust file. */
async function load(file: File | undefined): Promise<void> {
  if (file === undefined) return;
  const read = await trustFileIn(file, "your trust file");
  const fill = (id: string, entries: readonly (readonly (string | undefined)[])[]) => {
    field(id).value = entries.map((entry) => entry.filter((word) => word !== undefined).join(" ")).join("\n");
  };
  fill(
    "firms",
    read.firms.map(({ signer, name }) => [signer, name]),
  );
  fill(
    "keys",
    read.keys.map(({ sha256, size, origin }) => [sha256, size, origin]),
  );
  fill(
    "attesters",
    read.attesters.map(({ signer, name }) => [signer, name]),
  );
  fill(
    "oracles",
    read.oracles.map(({ chainId, contract, board, quorum, reporters, listing }) => [
      chainId,
      contract,
      board,
      `${quorum}`,
      ...reporters,
      listing,
    ]),
  );
  noPolicy = read.policies?.length === 0;
  fill(
    "policies",
    (read.policies ?? []).map(({ sha256, until }) => [sha256, until]),
  );
  field("chain").value = read.chain.length === 0 ? "" : JSON.stringify(read.chain, null, 1);
  field("age").value = `${read.maxAge / 3_600}`;
  field("audience").value = read.audience ?? "";
  seen = new Map(read.firms.flatMap(({ signer, seen: last }) => (last === undefined ? [] : [[signer, last]])));
  readBack();
  circuits = new Map(
    read.keys.flatMap(({ sha256, r1csSha256 }) => (r1csSha256 === undefined ? [] : [[sha256, r1csSha256]])),
  );
}

async function verify(): Promise<void> {
  if (pack === undefined) return;
  const { name, bytes } = pack;
  const now = writtenDate(field("date").value, new Date());
  const trusted = trust();
  clearVerdict();
  const asked = inputs;
  element("progress").textContent = "Verifying…";
  // Let that be seen first.
  await new Promise((resolve) => setTimeout(resolve, 30));
  const start = performance.now();
  const verdict = await createPackVerifier(trusted).verify(bytes, now);
  if (asked !== inputs) return;
  const context = { trust: trusted, now, source: name, sourceSha256: bytesToHex(sha256(bytes)), software: SOFTWARE };
  element("result").innerHTML = packReport(verdict, context).text;
  if (now.getTimezoneOffset() !== 0) {
    document.querySelectorAll<HTMLTimeElement>("#result time").forEach((time) => {
      time.after(` (${localTime(new Date(time.dateTime))})`);
    });
  }
  element("progress").textContent = `Done in ${((performance.now() - start) / 1000).toFixed(1)} s.`;
  button("print").disabled = false;
  element("result").focus();
}

const drop = element("drop");
for (const name of ["dragover", "dragenter"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  attempt(() => choose(event.dataTransfer?.files[0]));
});
element("pack").addEventListener("change", (event) =>
  attempt(() => choose((event.target as HTMLInputElement).files?.[0])),
);
element("trust").addEventListener("change", (event) =>
  attempt(() => load((event.target as HTMLInputElement).files?.[0])),
);
element("sent").addEventListener("change", (event) =>
  attempt(() => takeSent((event.target as HTMLInputElement).files?.[0])),
);
element("compare").addEventListener("click", () => {
  clearVerdict();
  compare();
});
element("keep").addEventListener("click", () => attempt(async () => keep()));
for (const name of ["input", "change"]) {
  // Before the field's own listener, which may have something to say.
  document.addEventListener(
    name,
    () => {
      clearVerdict();
      readBack();
    },
    true,
  );
}
element("verify").addEventListener("click", () => attempt(verify));
element("print").addEventListener("click", () => window.print());

field("date").value = momentWords(timeText(new Date()));
readBack();
