// SPDX-License-Identifier: GPL-3.0-or-later
/** The files that have been chosen on the proving page, one by one or by whole folders, and which of them is what. */
import { PlimsollError } from "../../errors.ts";
import { decodeText } from "../../formats/text.ts";
import { element, filesOf } from "../dom.ts";

export const ROLES = ["policy", "market", "account", "key"] as const;
export type Role = (typeof ROLES)[number];

const NAMES: Readonly<Record<Role, string>> = {
  policy: "policy.json",
  market: "market.json",
  account: "account.json",
  key: "viewing.key",
};
const WORDS: Readonly<Record<Role, string>> = {
  policy: "policy",
  market: "market",
  account: "account",
  key: "viewing key",
};
export const MAX_TEXT_BYTES = 4_000_000;
/** Of a folder. A build directory has a few thousand files. */
const MAX_FILES = 20_000;

const pathOf = (file: File): string => file.webkitRelativePath || file.name;

/** By path: whatever was chosen as a folder or as several files, and not for one role. */
const pool = new Map<string, File>();
const candidates = new Map<Role, File[]>();

/** Adds files, and sorts them by name and content. Throws TOO_LARGE. */
export async function take(files: readonly File[]): Promise<void> {
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
  if (!file.name.endsWith(".json") || file.size > MAX_TEXT_BYTES) return undefined;
  // The beginning of UTF-16 may be odd, and is enough all the same.
  const bytes = new Uint8Array(await file.slice(0, 600).arrayBuffer());
  const start = new TextDecoder(bytes[0] === 0xff ? "utf-16le" : bytes[0] === 0xfe ? "utf-16be" : "utf-8").decode(
    bytes,
  );
  return /"format"\s*:\s*"plimsoll-(policy|market|account)\//.exec(start)?.[1] as Role | undefined;
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
