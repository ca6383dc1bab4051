// SPDX-License-Identifier: GPL-3.0-or-later
/** The files that have been chosen on the proving page, one by one, by whole folders or in one zip, and which of them is what. */
import { unzip } from "fflate";
import { PlimsollError } from "../../errors.ts";
import { decodeText } from "../../formats/text.ts";
import { element, filesOf } from "../dom.ts";

export const ROLES = ["policy", "market", "account", "key", "portfolio", "positions"] as const;
export type Role = (typeof ROLES)[number];

const NAMES: Readonly<Record<Role, string>> = {
  policy: "policy.json",
  market: "market.json",
  account: "account.json",
  key: "viewing.key",
  portfolio: "portfolio.csv",
  positions: "positions.csv",
};
const WORDS: Readonly<Record<Role, string>> = {
  policy: "policy",
  market: "market",
  account: "account",
  key: "viewing key",
  portfolio: "table of cash and collateral",
  positions: "table of positions",
};
export const MAX_TEXT_BYTES = 4_000_000;
/** Of a folder. A build directory has a few thousand files. */
const MAX_FILES = 20_000;

/** Of files that came in a zip. */
const within = new WeakMap<File, string>();
const pathOf = (file: File): string => within.get(file) ?? (file.webkitRelativePath || file.name);
/** Of all files in a zip: circuits and keys of the largest board have so many. */
const MAX_ZIP_BYTES = 1_000_000_000;
/** What file managers add. */
const ADDED = /(?:^|\/)(?:__MACOSX\/|\._|\.DS_Store$)/;

/** The files of a zip: everything that a folder would have. Throws SYNTAX and TOO_LARGE. */
async function filesIn(zip: File): Promise<File[]> {
  const broken = (rule: string) => new PlimsollError("SYNTAX", rule, { file: zip.name });
  let bytes = 0;
  const bounded = ({ name, originalSize }: { name: string; originalSize: number }) => {
    bytes += originalSize;
    return !ADDED.test(name) && !name.endsWith("/") && bytes <= MAX_ZIP_BYTES;
  };
  const content = new Uint8Array(await zip.arrayBuffer());
  const entries = await new Promise<Record<string, Uint8Array>>((resolve, reject) =>
    unzip(content, { filter: bounded }, (error, files) => (error ? reject(error) : resolve(files))),
  ).catch(() => {
    throw broken("the file is no zip that can be read");
  });
  if (bytes > MAX_ZIP_BYTES)
    throw new PlimsollError("TOO_LARGE", "the zip holds more than a gigabyte", { file: zip.name });
  return Object.entries(entries).map(([path, each]) => {
    const file = new File([each as Uint8Array<ArrayBuffer>], path.slice(path.lastIndexOf("/") + 1));
    within.set(file, `${zip.name}/${path}`);
    return file;
  });
}

/** By path: whatever was chosen as a folder or as several files, and not for one role. */
const pool = new Map<string, File>();
const candidates = new Map<Role, File[]>();

/** Adds files, and sorts them by name and content. Throws TOO_LARGE. */
export async function take(given: readonly File[]): Promise<void> {
  const unpacked = await Promise.all(given.map((file) => (/\.zip$/i.test(file.name) ? filesIn(file) : [file])));
  const files = unpacked.flat();
  if (files.length > MAX_FILES) throw new PlimsollError("TOO_LARGE", `the folder has more than ${MAX_FILES} files`);
  for (const file of files) {
    pool.set(pathOf(file), file);
    const role = await roleOf(file);
    if (role === undefined) continue;
    const others = (candidates.get(role) ?? []).filter((other) => pathOf(other) !== pathOf(file));
    candidates.set(role, [...others, file]);
  }
}

async function roleOf(file: File): Promise<Role | undefined> {
  if (file.name.endsWith(NAMES.key)) return "key";
  if (/\.csv$/i.test(file.name) && file.size <= MAX_TEXT_BYTES) return tableIn(await startOf(file));
  if (!file.name.endsWith(".json") || file.size > MAX_TEXT_BYTES) return undefined;
  return /"format"\s*:\s*"plimsoll-(policy|market|account)\//.exec(await startOf(file))?.[1] as Role | undefined;
}

/** The first characters. The beginning of UTF-16 may be odd, and is enough all the same. */
async function startOf(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.slice(0, 600).arrayBuffer());
  return new TextDecoder(bytes[0] === 0xff ? "utf-16le" : bytes[0] === 0xfe ? "utf-16be" : "utf-8").decode(bytes);
}

/** Which of the two tables has such a header, if one has. */
function tableIn(start: string): Role | undefined {
  const header = start.split(/[\r\n]/)[0]!.toLowerCase();
  if (!header.includes("account")) return undefined;
  return header.includes("instrument") ? "positions" : header.includes("asset") ? "portfolio" : undefined;
}

/** The file for a role: the one chosen for it, else the only candidate, else the one of the usual name. */
export function fileFor(role: Role): File | undefined {
  const [own] = filesOf(role);
  const sorted = candidates.get(role) ?? [];
  const usual = sorted.filter(({ name }) => name === NAMES[role]);
  return own ?? (sorted.length === 1 ? sorted[0] : usual.length === 1 ? usual[0] : undefined);
}

/** Says below each field which file it is. */
export function showFound(): void {
  for (const role of ROLES) {
    const file = fileFor(role);
    const count = candidates.get(role)?.length ?? 0;
    element(`${role}-found`).textContent =
      file !== undefined ? `✓ ${pathOf(file)}` : count > 1 ? `${count} files could be it: choose one here.` : "";
  }
  const manifest = artifact("keys/manifest.json");
  element("artifacts-found").textContent = manifest === undefined ? "" : `✓ ${pathOf(manifest)}`;
}

/** The text of the file for a role. Throws USAGE where none is chosen, and TOO_LARGE. */
export async function textFor(role: Role): Promise<{ text: string; file: string }> {
  const file = fileFor(role);
  if (file === undefined) throw new PlimsollError("USAGE", `choose the ${WORDS[role]}`);
  if (file.size > MAX_TEXT_BYTES) throw new PlimsollError("TOO_LARGE", "the file is too large", { file: file.name });
  return { text: decodeText(new Uint8Array(await file.arrayBuffer()), file.name), file: file.name };
}

/** A file of the build directory: one chosen with that name, else one of a chosen folder with that path or name. */
export function artifact(path: string): File | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const all = [...pool.values()];
  return (
    filesOf("artifacts").find((file) => file.name === name) ??
    all.find((file) => pathOf(file).endsWith(`/${path}`)) ??
    all.find((file) => file.name === name)
  );
}
