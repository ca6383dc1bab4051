// SPDX-License-Identifier: GPL-3.0-or-later
/** The member's page: a book's public file and a slip in, a verdict in words out. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { checkSlip } from "../../app/check-slip.ts";
import { saysSlip } from "../../document/book/slip.ts";
import { BOOK_BYTES, beginsAsBook } from "../../document/book/steps.ts";
import { PlimsollError } from "../../errors.ts";
import type { NamedText } from "../../formats/account.ts";
import { decodeText } from "../../formats/text.ts";
import { readTrust } from "../../pack/trust.ts";
import { markup } from "../../report/html.ts";
import { partsMarkup } from "../../report/parts-html.ts";
import { slipVerdict } from "../../report/slip.ts";
import { verdictSections } from "../../report/verdict-parts.ts";
import { verifyBatch } from "../../verify/batch.ts";
import { attempting, button, element, field } from "../dom.ts";

/** Bytes by which a book is told. */
const BOOK_BEGINNING = 64;
/** A slip has less. */
const MAX_SLIP_BYTES = 100_000;

let book: { readonly bytes: Uint8Array; readonly file: string; readonly sha256: string } | undefined;
let slip: NamedText | undefined;
/** Counts what the reader has given: a verdict on something else is not shown. */
let given = 0;

function changed(): void {
  given++;
  element("result").replaceChildren();
  element("progress").textContent = "";
  button("print").disabled = true;
  button("check").disabled = book === undefined || slip === undefined;
}

const attempt = attempting("This page has failed; there is no verdict.");

async function chooseBook(file: File | undefined): Promise<void> {
  book = undefined;
  element("book-found").textContent = "";
  changed();
  if (file === undefined) return;
  if (file.size > BOOK_BYTES) throw new PlimsollError("TOO_LARGE", "the file is larger than any book");
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes.length <= MAX_SLIP_BYTES && saysSlip(new TextDecoder().decode(bytes))) {
    throw new PlimsollError(
      "FIELD_INVALID",
      "this is a slip, not the public file of the book: choose it under “Your slip”",
    );
  }
  book = { bytes, file: "the book", sha256: bytesToHex(sha256(bytes)) };
  element("book-found").innerHTML =
    markup`${bytes.length.toLocaleString("en-US")} bytes, SHA-256 <code>${book.sha256}</code>`.text;
  changed();
}

async function chooseSlip(file: File | undefined): Promise<void> {
  slip = undefined;
  element("slip-found").textContent = "";
  changed();
  if (file === undefined) return;
  if (beginsAsBook(new Uint8Array(await file.slice(0, BOOK_BEGINNING).arrayBuffer()))) {
    const rule = "this is the public file of a book, not your slip: choose it under “The public file of the book”";
    throw new PlimsollError("FIELD_INVALID", rule);
  }
  if (file.size > MAX_SLIP_BYTES) throw new PlimsollError("TOO_LARGE", "the file is larger than any slip");
  slip = { text: decodeText(new Uint8Array(await file.arrayBuffer()), "the slip"), file: "the slip" };
  element("slip-found").textContent = "Read.";
  changed();
}

/** What the reader trusts, as the strict reader of trust files reads it. */
function trust() {
  const keys = field("key")
    .value.split("\n")
    .map((line) => line.trim().split(/[\s,]+/))
    .filter(([first]) => first !== "")
    .map(([hash = "", size = "", origin = ""]) => ({ size, sha256: hash, origin }));
  if (keys.length === 0) throw new PlimsollError("FIELD_INVALID", "name the verification key that you trust");
  const document = { format: "plimsoll-trust/1", firms: [], keys, maxAgeSeconds: 0 };
  const read = readTrust({ text: JSON.stringify(document), file: "the key that you trust" });
  return { keys: read.keys, attesters: [] };
}

async function check(): Promise<void> {
  if (book === undefined || slip === undefined) return;
  const trusted = trust();
  const recorded = field("recorded").value.trim().replace(/^0x/i, "").toLowerCase();
  if (recorded !== "" && recorded !== book.sha256) {
    const rule =
      "this is not the file that the venue has recorded: you are shown another book than others, or the file has been changed";
    throw new PlimsollError("FIELD_INVALID", rule);
  }
  changed();
  const asked = given;
  element("progress").textContent = "Checking…";
  // Let that be seen first.
  await new Promise((resolve) => setTimeout(resolve, 30));
  const machine = { verifyMany: verifyBatch, now: () => new Date() };
  const verdict = slipVerdict(await checkSlip(machine, { book, trust: trusted, slip, steps: "own" }));
  if (asked !== given) return;
  const { outcome, found, open, identities } = verdictSections(verdict);
  const isTest = outcome.forgeable.length > 0;
  const record =
    recorded === ""
      ? markup`<p class="caption">You gave no record of the venue to compare the file with: whether others are shown the same book is not known.</p>`
      : markup`<p class="caption">The file is the one whose SHA-256 you gave.</p>`;
  element("result").innerHTML = markup`${partsMarkup([outcome])}
${
  found.length === 0
    ? ""
    : markup`<section><h2>What was found</h2>${partsMarkup(found, isTest)}${record}</section>
<section><h2>What is not covered</h2>${partsMarkup(open)}</section>
<section><h2>Identities</h2>${partsMarkup(identities)}</section>`
}`.text;
  element("progress").textContent = "Done.";
  button("print").disabled = false;
  element("result").focus();
}

for (const [id, choose] of [
  ["book", chooseBook],
  ["slip", chooseSlip],
] as const) {
  element(id).addEventListener("change", (event) =>
    attempt(() => choose((event.target as HTMLInputElement).files?.[0])),
  );
}
for (const id of ["key", "recorded"]) element(id).addEventListener("input", changed);
// Two files dropped together are told apart by their size: no slip is as large as the smallest book.
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  for (const file of Array.from(event.dataTransfer?.files ?? [])) {
    attempt(() => (file.size > MAX_SLIP_BYTES ? chooseBook(file) : chooseSlip(file)));
  }
});
element("check").addEventListener("click", () => attempt(check));
element("print").addEventListener("click", () => window.print());
