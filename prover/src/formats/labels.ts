// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The one grammar of words that other people choose: of files, options, pages and the library alike.
 *
 * A symbol names an asset or an instrument; a label is any other name or sentence. Neither can end the quotation in which it
 * stands, hide a part of itself, drive a terminal or reach into its neighbours. Either direction of writing is allowed: whoever
 * shows a label isolates it.
 */
import { PlimsollError } from "../errors.ts";

/** Letters, digits and . _ : / -, starting with a letter or digit, at most 64 characters. */
const SYMBOL = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/;
export const isSymbol = (text: string): boolean => SYMBOL.test(text);

const LONGEST = 200;
/** What no label has. */
const REFUSED = new RegExp(
  [
    // Marks that could end a quotation, and two apostrophes that look like one.
    '["\u02ba\u02ee\u201c-\u201f\u2033\u2036\u00ab\u00bb\u2039\u203a\u275d\u275e\u2760\u301d-\u301f\uff02]',
    "(?<=['`\u00b4\u02b9\u02bc\u2018-\u201b\u2032\u2035\uff07])['`\u00b4\u02b9\u02bc\u2018-\u201b\u2032\u2035\uff07]",
    // A gershayim is a letter inside of a Hebrew word, and a quotation mark elsewhere.
    "(?<![\u05d0-\u05ea])\u05f4|\u05f4(?![\u05d0-\u05ea])",
    // Controls, bidirectional and other formats, joiners, private and unassigned characters; spaces but one; what shows nothing.
    "[\\p{C}\\p{Default_Ignorable_Code_Point}\u2800]|(?! )\\p{Z}",
    // Spaces at an end, two in a row, and under a combining mark.
    "^ | $| (?=[ \\p{M}])",
    // Combining marks on nothing, or on two others.
    "^\\p{M}|(?<=\\p{M}{2})\\p{M}",
  ].join("|"),
  "gu",
);

/** What a label has to be, for messages. */
export const LABEL_RULE = `expected 1 to ${LONGEST} visible characters, no quotation mark, no space at an end and no two spaces in a row`;

export const isLabel = (text: string): boolean =>
  text !== "" && text.length <= 2 * LONGEST && [...text].length <= LONGEST && text.search(REFUSED) === -1;

/** Words that go into a document. Throws `FIELD_INVALID`. */
export function label(text: string, field: string): string {
  if (isLabel(text)) return text;
  throw new PlimsollError("FIELD_INVALID", LABEL_RULE, { field });
}

/**
 * Words that obey no grammar, such as the name of a file, made fit to be shown: what no label has stands as its number,
 * `\u{202e}`. A label stays as it is.
 */
export const visible = (text: string): string =>
  text.replace(REFUSED, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
