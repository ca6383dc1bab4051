// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Names of files in packs: a grammar in which nothing leaves the pack and no two names differ by case alone.
 *
 * A pack has one reading, so a file that the index does not list is refused and never skipped. What file managers add by themselves is no
 * file of the pack, whoever reads it: it is left out by its name, and its content is never looked at.
 */

/** Up to three names of lower-case letters, digits, . _ - that begin with a letter or digit; at most 100 characters. */
const PATH = /^(?=.{1,100}$)[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*){0,2}$/;
const DEVICE = /(?:^|\/)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\/|$)|\.(?:\/|$)/;

export const isPackPath = (path: string): boolean => PATH.test(path) && !DEVICE.test(path);

/** What the file managers of macOS and Windows add by themselves. */
const ADDED = /(?:^|\/)(?:__MACOSX(?:\/|$)|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)/i;
const HARMLESS = /^(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9_. ()/-]{1,200}$/;

/** Whether a name is of what a file manager has added, and leads nowhere else. */
export const isAdded = (name: string): boolean => ADDED.test(name) && HARMLESS.test(name);

/** A name that can be shown in a sentence: one word, in which nothing ends a quotation, drives a terminal or runs in a shell. */
const PLAIN = /^[A-Za-z0-9_.][A-Za-z0-9_./-]{0,99}$/;

/** The name where it can be shown, for the place of an error. */
export const placeOf = (name: string): { file?: string } => (PLAIN.test(name) ? { file: name } : {});

const shown = (name: string) => (PLAIN.test(name) ? `"${name}"` : "a name with unusual characters");
const zipAgain = (folder: string) =>
  `zip the files themselves: cd ${folder} && zip -X -r ../pack.zip * -x '*.DS_Store'`;

/** What to do with a zip that other programs could read in another way. */
export const ZIP_AGAIN = zipAgain("THE-FOLDER");

/** Why these cannot be the names of a pack's files, and what to do; a folder's ends in a slash. Undefined where they can. */
export function nameFault(names: readonly string[]): string | undefined {
  const bad = names.find((name) => !isPackPath(name.replace(/\/$/, "")));
  return bad === undefined ? clashOf(names) : (folderFault(names) ?? faultOf(bad));
}

/** Says which name, of those that packs have, stands for two things or for none. */
function clashOf(names: readonly string[]): string | undefined {
  const files = new Set(names.filter((name) => !name.endsWith("/")));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return `it holds ${shown(twice)} twice`;
  const inUse = new Set([...files].flatMap(foldersOf));
  const both = [...names, ...inUse].find((name) => name.endsWith("/") && files.has(name.slice(0, -1)));
  if (both !== undefined) return `it holds a file and a folder of the name ${shown(both.slice(0, -1))}`;
  const empty = names.find((name) => name.endsWith("/") && !inUse.has(name));
  return empty === undefined ? undefined : `it holds a folder without files, ${shown(empty)}`;
}

/** `a/` and `a/b/` of `a/b/c`. */
const foldersOf = (file: string): string[] => [...file.matchAll(/\//g)].map(({ index }) => file.slice(0, index + 1));

/** Says which folder is around all files, where there is one. */
export function folderFault(names: readonly string[]): string | undefined {
  const own = names.filter((name) => !ADDED.test(name));
  const folder = own.find((name) => /^[^/]+\/index\.json$/.test(name))?.split("/")[0];
  if (folder === undefined || !own.every((name) => name.startsWith(`${folder}/`))) return undefined;
  return `a folder, ${shown(folder)}, is around the files; ${zipAgain(PLAIN.test(folder) ? folder : "THE-FOLDER")}`;
}

function faultOf(name: string): string {
  return `the file name ${shown(name)} is none that packs have: lower-case letters, digits and . _ - on at most three levels`;
}
