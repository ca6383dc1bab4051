// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll pack`: make, verify and report on evidence packs, and what goes into them. */
import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { Command } from "commander";
import { EXIT, PlimsollError, throwIfCancelled } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { formatJson, type Json } from "../formats/json.ts";
import { timeText } from "../formats/time.ts";
import { BOARD_SIZES, type BoardSize } from "../model/sizes.ts";
import { loadManifest, loadVerificationKey } from "../node/artifacts.ts";
import { readBounded, writeDirectory, writeResult, writeSecret } from "../node/files.ts";
import type { PackCircuit } from "../pack/format.ts";
import type { PackVerdict } from "../pack/verify.ts";
import type { PackFiles } from "../pack/zip.ts";
import { type Context, VERSION } from "./context.ts";
import { many, optionLabel, optionTime } from "./options.ts";

const SOFTWARE = `plimsoll ${VERSION}`;

const EXIT_CODES: Readonly<Record<PackVerdict["outcome"], number>> = {
  valid: EXIT.ok,
  invalid: EXIT.no,
  unusable: EXIT.input,
  "not-current": EXIT.notCurrent,
};

interface VerifyOptions {
  readonly trust: string;
  readonly date?: string;
  readonly json?: boolean;
}

interface MakeOptions {
  readonly proof: string[];
  readonly policy: string[];
  readonly market: string[];
  readonly merge: string[];
  readonly attestation: string[];
  readonly observations: string[];
  readonly chain: string[];
  readonly claim: string[];
  readonly document: string[];
  readonly name: string;
  readonly question: string;
  readonly firm: string;
  readonly key: string;
  readonly previous?: string;
  readonly date?: string;
  readonly out: string;
  readonly json?: boolean;
}

interface AttestOptions {
  readonly commitment: string;
  readonly policy?: string;
  readonly market?: string;
  readonly size: string;
  readonly firm: string;
  readonly subject: string;
  readonly scope: string;
  readonly asOf: string;
  readonly expires: string;
  readonly name: string;
  readonly key: string;
  readonly out?: string;
}

export function packCommand({ inputs, signal, print }: Context): Command {
  const command = new Command("pack").description("evidence packs for auditors, lenders and regulators");

  const verdictOf = async (pack: string, { trust, date }: VerifyOptions) => {
    const [{ createPackVerifier }, { readTrust }] = await Promise.all([
      import("../pack/verify.ts"),
      import("../pack/trust.ts"),
    ]);
    const trusted = readTrust(await inputs.text(trust));
    const now = dateOf(date);
    const content = await readPack(pack);
    throwIfCancelled(signal);
    const verdict = await createPackVerifier(trusted).verify(content, now);
    throwIfCancelled(signal);
    process.exitCode = EXIT_CODES[verdict.outcome];
    return { verdict, trust: trusted, now, content };
  };

  const withTrust = (name: string) =>
    command
      .command(name)
      .argument("<pack>", "the pack, a zip or a directory")
      .requiredOption("--trust <file>", "whom and what you trust (plimsoll pack trust writes a start)")
      .option("--date <time>", "the day as of which you judge, for example 2026-11-22T12:00:00Z; else now");

  withTrust("verify")
    .description("verify a pack completely, offline; your trust file alone says whom and what to believe")
    .option("--json", "print JSON")
    .action(async (pack: string, options: VerifyOptions) => {
      const { verdict } = await verdictOf(pack, options);
      print(options.json, verdict, () => verdictText(verdict));
    });

  withTrust("report")
    .description("verify a pack and write a report that can be signed and printed")
    .requiredOption("--out <file>", "where to write the report, HTML")
    .option("--json", "print JSON")
    .action(async (pack: string, options: VerifyOptions & { out: string }) => {
      const { renderPackReport } = await import("../pack/report.ts");
      const { verdict, trust, now, content } = await verdictOf(pack, options);
      const source = path.basename(pack);
      const zipped = content instanceof Uint8Array;
      const report = renderPackReport(verdict, {
        trust,
        now,
        source,
        software: SOFTWARE,
        ...(zipped ? { sourceSha256: createHash("sha256").update(content).digest("hex") } : {}),
      });
      await writeResult(options.out, report);
      print(options.json, { file: options.out, outcome: verdict.outcome }, () => `${options.out}: ${verdict.outcome}`);
    });

  command
    .command("make")
    .description(
      "put proofs and what backs them into a pack, sealed with the firm's key; verifies it before writing it",
    )
    .requiredOption("--proof <file>", "a proof; may be repeated", many, [])
    .requiredOption("--policy <file>", "a policy that a proof was made under; may be repeated", many, [])
    .requiredOption("--market <file>", "a market that a proof was made under; may be repeated", many, [])
    .requiredOption("--name <text>", "what the pack is")
    .requiredOption("--question <text>", "what was asked")
    .requiredOption("--firm <text>", "the firm's name")
    .requiredOption("--key <file>", "the firm's signing key (plimsoll pack key makes one)")
    .requiredOption("--out <path>", "a file that ends in .zip, or a directory that does not exist yet")
    .option("--merge <file>", "of a proof whose account is a sum (plimsoll merge); may be repeated", many, [])
    .option("--attestation <file>", "a custodian's or venue's attestation; may be repeated", many, [])
    .option("--observations <file>", "signed price reports of an epoch; may be repeated", many, [])
    .option("--chain <file>", "a chain reference; may be repeated", many, [])
    .option("--claim <text>", "a text on the firm's own word; may be repeated", many, [])
    .option("--document <file>", "a letter or note, evidence of nothing; may be repeated", many, [])
    .option("--previous <pack>", "the firm's pack before this one")
    .option("--date <time>", "the date of the pack; else now")
    .option("--json", "print JSON")
    .action(async (options: MakeOptions) => {
      const [{ makePack }, { packSha256, INDEX, readIndex, textOf }, { zipFiles, unzipFiles }, { signingKey }] =
        await Promise.all([
          import("../pack/make.ts"),
          import("../pack/format.ts"),
          import("../pack/zip.ts"),
          import("../pack/typed-data.ts"),
        ]);
      const texts = async (names: readonly string[]) => {
        const found: NamedText[] = [];
        for (const name of names) found.push(await inputs.text(name));
        return found;
      };
      const key = await inputs.text(options.key);
      const previous = options.previous === undefined ? undefined : await readPack(options.previous);
      const documents = [];
      for (const name of options.document) {
        documents.push({ name: path.basename(name), content: await readBounded(name) });
      }
      const files = await makePack(
        {
          name: optionLabel("--name", options.name),
          question: optionLabel("--question", options.question),
          firm: optionLabel("--firm", options.firm),
          software: SOFTWARE,
          created: timeText(dateOf(options.date)),
          proofs: await texts(options.proof),
          policies: await texts(options.policy),
          markets: await texts(options.market),
          merges: await texts(options.merge),
          attestations: await texts(options.attestation),
          observations: await texts(options.observations),
          chain: await texts(options.chain),
          claims: options.claim.map((claim) => optionLabel("--claim", claim)),
          documents,
          keyFor,
          ...(previous === undefined
            ? {}
            : { previous: previous instanceof Uint8Array ? unzipFiles(previous) : previous }),
        },
        signingKey(key.text, key.file),
      );
      throwIfCancelled(signal);
      if (options.out.endsWith(".zip")) await writeResult(options.out, zipFiles(files));
      else
        await writeDirectory(
          options.out,
          [...files].map(([name, text]) => ({ name, text })),
        );
      const index = readIndex(textOf(INDEX, files.get(INDEX)!));
      const sha256 = packSha256(index);
      print(
        options.json,
        { file: options.out, number: index.number, sha256, signer: index.firm.signer, statements: index.statements },
        () => `${options.out}: pack ${index.number}, ${sha256}, sealed by ${index.firm.signer}`,
      );
    });

  command
    .command("key")
    .argument("<file>", "a file that does not exist yet")
    .description("make a signing key, readable by you alone, and print its address")
    .option("--json", "print JSON")
    .action(async (file: string, { json }: { json?: boolean }) => {
      const { newSigningKey, signingKey } = await import("../pack/typed-data.ts");
      const text = newSigningKey();
      const { address } = signingKey(text);
      await writeSecret(file, text);
      print(json, { file, address }, () => address);
    });

  command
    .command("trust")
    .description(
      "print a trust file to start from, with the keys of this installation; look through it before you use it",
    )
    .option("--firm <name=address>", "a firm whose packs you accept; may be repeated", many, [])
    .option("--attester <name=address>", "a custodian or venue that you believe; may be repeated", many, [])
    .option("--max-age <seconds>", "market values and holdings older than this are not current", "86400")
    .action(async (options: { firm: string[]; attester: string[]; maxAge: string }) => {
      const [{ trustDocument }, { readTrust }, { PACK_CIRCUITS }] = await Promise.all([
        import("../pack/make.ts"),
        import("../pack/trust.ts"),
        import("../pack/format.ts"),
      ]);
      const { circuits, origin } = await loadManifest();
      const keys = PACK_CIRCUITS.flatMap((size) => {
        const record = circuits[size];
        return record === undefined
          ? []
          : [{ size, sha256: record.verificationKey.sha256, origin, r1csSha256: record.r1cs.sha256 }];
      });
      const party = (option: string) => (text: string) => {
        const [, name, signer] = /^(.+)=(0x[0-9a-fA-F]{40})$/.exec(text) ?? [];
        if (name === undefined || signer === undefined) {
          throw new PlimsollError("USAGE", "expected name=address", { field: option });
        }
        return { name: optionLabel(option, name), signer };
      };
      if (!/^[0-9]{1,8}$/.test(options.maxAge)) {
        throw new PlimsollError("USAGE", "expected seconds", { field: "--max-age" });
      }
      const text = trustDocument({
        firms: options.firm.map(party("--firm")),
        attesters: options.attester.map(party("--attester")),
        keys,
        maxAgeSeconds: Number(options.maxAge),
      });
      readTrust({ text, file: "standard output" });
      process.stdout.write(text);
    });

  command
    .command("attest")
    .description("as a custodian or venue: vouch for a firm's commitment, having opened it (see plimsoll commit)")
    .requiredOption("--commitment <number>", "the commitment")
    .requiredOption("--size <size>", BOARD_SIZES.join(", "))
    .requiredOption("--firm <address>", "the address with which the firm seals its packs")
    .requiredOption("--subject <text>", "what it is the commitment of, without amounts")
    .requiredOption("--scope <scope>", "account, or everything that you hold for the firm")
    .requiredOption("--as-of <time>", "when it was so")
    .requiredOption("--expires <time>", "until when it may be relied on")
    .requiredOption("--name <text>", "your name")
    .requiredOption("--key <file>", "your signing key")
    .option(
      "--policy <file>",
      "the policy under which you have opened it; with --market, names what its quantities are of",
    )
    .option("--market <file>", "the market under which you have opened it")
    .option("--out <file>", "where to write the attestation; else stdout")
    .action(async (options: AttestOptions) => {
      const [{ attest, readAttestation }, { signingKey }] = await Promise.all([
        import("../pack/evidence.ts"),
        import("../pack/typed-data.ts"),
      ]);
      const key = await inputs.text(options.key);
      const { commitment, subject, asOf, expires, name } = options;
      const listing = await listingOf(options);
      const vouched = {
        commitment,
        size: options.size as BoardSize,
        firm: options.firm.toLowerCase(),
        subject,
        scope: options.scope as "account",
        asOf,
        expires,
        ...(listing === undefined ? {} : { listing }),
      };
      if (!/^(0|[1-9][0-9]{0,77})$/.test(commitment)) {
        throw new PlimsollError("USAGE", "expected a commitment: a decimal number", { field: "--commitment" });
      }
      const unsigned = {
        format: listing === undefined ? "plimsoll-attestation/1" : "plimsoll-attestation/2",
        attester: { name, signer: `0x${"0".repeat(40)}` },
        vouched,
        signature: { kind: "eip712", value: "0x00" },
      };
      // Everything but the signature is checked before anything is signed.
      readAttestation({ text: formatJson(unsigned as unknown as Json), file: "the attestation" });
      const text = formatJson((await attest(name, signingKey(key.text, key.file), vouched)) as unknown as Json);
      throwIfCancelled(signal);
      if (options.out === undefined) process.stdout.write(text);
      else await writeResult(options.out, text);
    });

  async function listingOf({ policy, market, size }: AttestOptions): Promise<string | undefined> {
    if (policy === undefined && market === undefined) return undefined;
    if (policy === undefined || market === undefined) {
      throw new PlimsollError("USAGE", "give both --policy and --market, or neither");
    }
    const [{ readPolicy }, { listingSha256, readMarket }] = await Promise.all([
      import("../formats/policy.ts"),
      import("../formats/market.ts"),
    ]);
    const [policyText, marketText] = [await inputs.text(policy), await inputs.text(market)];
    const under = readPolicy(policyText.text, policyText.file);
    const on = readMarket(marketText.text, marketText.file, under);
    if (on.market.board.size !== size) {
      throw new PlimsollError("USAGE", `expected the size of the market's board, ${on.market.board.size}`, {
        field: "--size",
      });
    }
    return listingSha256(under, on);
  }

  return command;
}

async function keyFor(size: PackCircuit) {
  const { identity, verificationKeyFile } = await loadVerificationKey(size);
  const { verificationKeySha256: sha256, origin, compiler, sourcesSha256, r1csSha256 } = identity;
  return { identity: { size, sha256, origin }, file: verificationKeyFile, compiler, sourcesSha256, r1csSha256 };
}

/** A zip's bytes, or the files of a directory; links and whatever else is no regular file are not followed. */
async function readPack(pack: string): Promise<Uint8Array | PackFiles> {
  const { PACK_LIMITS } = await import("../pack/zip.ts");
  const unreadable = (file: string, why: string) => new PlimsollError("FILE", why, { file });
  const there = await stat(pack).catch(() => {
    throw unreadable(pack, "cannot be read");
  });
  if (!there.isDirectory()) return readBounded(pack, PACK_LIMITS.zipBytes);
  const entries = await readdir(pack, { recursive: true, withFileTypes: true });
  if (entries.length > 4 * PACK_LIMITS.files) throw new PlimsollError("TOO_LARGE", "too many files", { file: pack });
  const files = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile()) throw unreadable(file, "not a regular file");
    const content = await readBounded(file, PACK_LIMITS.fileBytes);
    bytes += content.length;
    if (bytes > PACK_LIMITS.bytes) throw new PlimsollError("TOO_LARGE", "more than a pack may hold", { file: pack });
    files.set(path.relative(pack, file).split(path.sep).join("/"), content);
  }
  return files;
}

function verdictText(verdict: PackVerdict): string {
  if (!verdict.ok) {
    const { code, file, sentence } = verdict.finding;
    return `${verdict.outcome} (${code})${file === "" ? "" : ` in ${file}`}: ${sentence}`;
  }
  const { reading, stale } = verdict;
  const { index, firm, statements } = reading;
  const voucher = (by: (typeof statements)[number]["account"]["by"]) =>
    by.length === 0 ? "the firm alone" : [...new Set(by.map(({ name, words }) => `${name} (${words})`))].join("; ");
  return [
    `${verdict.outcome === "valid" ? "valid and current" : "valid, not current"}: "${index.name}", pack ${index.number} of ${firm}`,
    ...stale.map(({ code, file, sentence }) => `not current (${code}) in ${file}: ${sentence}`),
    ...statements.flatMap(({ level, statement, account, values }) => [
      `${level}: ${statement.text}`,
      `  for: ${statement.audience}`,
      `  whose account it is, ${account.level}: ${account.parts > 1 ? `the sum of ${account.parts} accounts; ` : ""}${voucher(account.by)}`,
      `  prices and risk values, ${values.level}: ${voucher(values.by)}`,
    ]),
    ...index.claims.map(({ text }) => `claimed: ${text}`),
    ...new Set(
      statements.flatMap(({ notProven }) => notProven.map(({ code, text }) => `not proven (${code}): ${text}`)),
    ),
  ].join("\n");
}

const dateOf = (text: string | undefined): Date => (text === undefined ? new Date() : optionTime("--date", text));
