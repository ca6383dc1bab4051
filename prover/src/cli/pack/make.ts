// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll pack make`: proofs and what backs them, sealed by a firm. */
import path from "node:path";
import { Command } from "commander";
import type { NamedText } from "../../formats/account.ts";
import { timeText } from "../../formats/time.ts";
import type { Context } from "../context.ts";
import { Destination } from "../destination.ts";
import { many, optionTime } from "../options.ts";
import { SOFTWARE } from "./reader.ts";

interface MakeOptions {
  readonly proof: string[];
  readonly policy: string[];
  readonly market: string[];
  readonly merge?: string[];
  readonly attestation?: string[];
  readonly observations?: string[];
  readonly chain?: string[];
  readonly claim?: string[];
  readonly document?: string[];
  readonly name: string;
  readonly question: string;
  readonly firm: string;
  readonly key: string;
  readonly previous?: string;
  readonly date?: string;
  readonly out: string;
  readonly json?: boolean;
}

export function makeCommand({ inputs, print, signal }: Context): Command {
  const texts = async (names: readonly string[] = []) => {
    const found: NamedText[] = [];
    for (const name of names) found.push(await inputs.text(name));
    return found;
  };
  return new Command("make")
    .description(
      "put proofs and their evidence into a pack, seal it with the firm's key, and verify it before writing it",
    )
    .requiredOption("--proof <file>", "a proof; may be repeated", many)
    .requiredOption("--policy <file>", "a policy that a proof was made under; may be repeated", many)
    .requiredOption("--market <file>", "a market that a proof was made under; may be repeated", many)
    .requiredOption("--name <text>", "name of the pack")
    .requiredOption("--question <text>", "the question that the pack answers")
    .requiredOption("--firm <text>", "the firm's name")
    .requiredOption("--key <file>", "the firm's signing key (plimsoll pack key makes one)")
    .addOption(
      new Destination(
        (out) => (out.endsWith(".zip") ? "new file" : "new directory"),
        "--out <path>",
        "a file that ends in .zip, or a directory; never overwrites",
      ).makeOptionMandatory(),
    )
    .option("--merge <file>", "a merge (plimsoll merge) of a proof about a sum; may be repeated", many)
    .option("--attestation <file>", "a custodian's or venue's attestation; may be repeated", many)
    .option("--observations <file>", "signed price reports of an epoch; may be repeated", many)
    .option("--chain <file>", "a chain reference; may be repeated", many)
    .option("--claim <text>", "a sentence that the firm claims without evidence; may be repeated", many)
    .option("--document <file>", "a letter or note, which is no evidence; may be repeated", many)
    .option("--previous <pack>", "the firm's pack before this one")
    .option("--date <time>", "the date of the pack; else now")
    .option("--json", "print JSON")
    .action(async (options: MakeOptions) => {
      const [{ makePack }, { packKey, readPackFiles, writePack }, { readSigningKey }] = await Promise.all([
        import("../../app/make-pack.ts"),
        import("../../node/pack-files.ts"),
        import("../../pack/typed-data.ts"),
      ]);
      const { name, question, firm, claim: claims = [], document: letters = [], date, out } = options;
      const signing = readSigningKey(await inputs.secret(options.key));
      const previous = options.previous === undefined ? undefined : await readPackFiles(inputs, options.previous);
      const documents = [];
      for (const file of letters) {
        const { file: name, content } = await inputs.bytes(file);
        documents.push({ name: path.basename(name), content });
      }
      const machine = { keyFor: packKey, now: () => new Date(), software: SOFTWARE, signal };
      const { files, index, sha256 } = await makePack(machine, {
        ...{ name, question, firm, signing, claims, documents },
        proofs: await texts(options.proof),
        policies: await texts(options.policy),
        markets: await texts(options.market),
        merges: await texts(options.merge),
        attestations: await texts(options.attestation),
        observations: await texts(options.observations),
        chain: await texts(options.chain),
        ...(date === undefined ? {} : { created: timeText(optionTime("--date", date)) }),
        ...(previous === undefined ? {} : { previous }),
      });
      await writePack(out, files);
      const { number, statements } = index;
      const { signer } = index.firm;
      print(
        options.json,
        { file: out, number, sha256, signer, statements },
        () => `${out}: pack ${number}, ${sha256}, sealed by ${signer}`,
      );
    });
}
