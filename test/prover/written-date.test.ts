// SPDX-License-Identifier: GPL-3.0-or-later
/** Dates as an accountant writes them. */
import { expect } from "chai";
import { PlimsollError } from "../../prover/src/errors.ts";
import { writtenDate } from "../../prover/src/formats/written-date.ts";

const NOW = new Date("2026-11-30T10:11:12Z");
const read = (text: string) => writtenDate(text, NOW).toISOString().replace(".000Z", "Z");

describe("dates as people write them", () => {
  const NOON = "2026-11-22T12:00:00Z";
  const END = "2026-11-22T23:59:59Z";
  const CASES: Readonly<Record<string, string>> = {
    "2026-11-22T12:00:00Z": NOON,
    "2026-11-22 12:00": NOON,
    "22 November 2026, 12:00": NOON,
    "22 Nov 2026 12:00 UTC": NOON,
    "22nd November 2026 at 12:00": NOON,
    "November 22, 2026 12:00 pm": NOON,
    "22.11.2026 12:00": NOON,
    "22/11/2026 12:00": NOON,
    "11/22/2026, 12:00 PM": NOON,
    "22. November 2026": END,
    "2026-11-22": END,
    "  22   November  2026 ": END,
    "3 Sept 2026 12:05 am": "2026-09-03T00:05:00Z",
    "05/05/2026": "2026-05-05T23:59:59Z",
    "4.3.2026": "2026-03-04T23:59:59Z",
  };
  for (const [text, expected] of Object.entries(CASES)) it(`reads ${text}`, () => expect(read(text)).equal(expected));

  it("takes today for now", () => expect(read("30 November 2026")).equal("2026-11-30T10:11:12Z"));

  for (const text of [
    ...["03/04/2026", "30 February 2026", "31.11.2026", "22 November", "22/11/26", "soon", "", "12 Juny 2026"],
    ...["2026-11-22 24:00", "22 November 2026 13:00 pm", "13/13/2026", "2026-11-22T12:00:00+01:00", "22 Marchy 2026"],
  ]) {
    it(`refuses ${text === "" ? "nothing" : text}`, () => {
      expect(() => read(text))
        .throw(PlimsollError)
        .with.property("code", "FIELD_INVALID");
    });
  }
});
