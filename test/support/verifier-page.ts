// SPDX-License-Identifier: GPL-3.0-or-later
/** The verifier page in a browser, with packs whose every label is chosen. */
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { type PackFiles, zipFiles } from "../../prover/src/pack/zip.ts";
import { attestation, CUSTODIAN, FIRM, json, KEY, NOW, named, ORACLE, policy, samplePack } from "./packs.ts";
import { type Rendered, readRendered } from "./rendered.ts";

/** A pack whose words are these: of the firm, of the attester, and so many claims. */
export async function labelledPack(label: (at: number) => string, claims: number): Promise<PackFiles> {
  const [name, question, firm, subject] = [0, 1, 2, 3].map((at) => label(at)) as [string, string, string, string];
  return samplePack({
    ...{ name, question, firm },
    claims: Array.from({ length: claims }, (_, at) => label(at)),
    attestations: [named("custodian.json", await attestation({ subject }))],
  });
}

/** Opens the page for a reader who trusts the firm and the custodian of such packs under names of this kind. */
export async function openVerifierPage(page: Page, file: string, label: (at: number) => string): Promise<void> {
  await page.goto(pathToFileURL(file).href);
  const trust = {
    format: "plimsoll-trust/1",
    firms: [{ name: label(5), signer: FIRM.address }],
    keys: [KEY.identity],
    maxAgeSeconds: 86_400,
    policies: [{ sha256: policy.sha256 }],
    attesters: [{ name: label(6), signer: CUSTODIAN.address }],
    oracles: [ORACLE],
  };
  await page.setInputFiles("#trust", {
    name: "t.json",
    mimeType: "application/json",
    buffer: Buffer.from(json(trust)),
  });
  await page.fill("#date", NOW.toISOString().replace(".000Z", "Z"));
}

/** What the page says of a pack, hashes and lengths left out: they follow from the words. */
export async function verdictShown(page: Page, pack: PackFiles, name: string): Promise<Rendered> {
  await page.setInputFiles("#pack", { name, mimeType: "application/zip", buffer: Buffer.from(zipFiles(pack)) });
  await page.click("#verify");
  await page.waitForSelector("#result .outcome", { timeout: 30_000 });
  const [chosen, result] = [await readRendered(page, "#drop"), await readRendered(page, "#result")];
  const says = await readRendered(page, "#says");
  const ours = [chosen, says, result].map((part) => part.ours).join(" ");
  return {
    ours: ours.replaceAll(/\b(?:0x)?[0-9a-f]{16,}\b/g, "#").replaceAll(/[\d,]+ bytes/g, "# bytes"),
    faults: [chosen, says, result].flatMap((part) => part.faults),
    places: chosen.places + says.places + result.places,
  };
}
