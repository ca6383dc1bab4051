// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A whole ceremony on one machine, as three contributors, a coordinator, a venue and an auditor would have it on theirs:
 * `ceremony [circuit]`, board-60 by default.
 *
 * Phase 1 is made here, so the key is marked as a rehearsal's. Everything is done by `plimsoll`, each step in a
 * process of its own; what is left is in build/ceremony.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Signer } from "ethers";
import { network } from "hardhat";
import { deploy, deploymentRecord } from "../prover/src/chain/deploy.ts";
import { PlimsollError } from "../prover/src/errors.ts";
import { BOARD_SIZES, type BoardSize } from "../prover/src/model/sizes.ts";
import { loadDeployableKey } from "../prover/src/node/artifacts.ts";
import { shapeOf } from "../prover/src/statement/families.ts";
import { step } from "./progress.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const size = (process.argv[2] ?? "board-60") as BoardSize;
if (!BOARD_SIZES.includes(size)) throw new Error(`expected one of ${BOARD_SIZES.join(", ")}`);
const work = path.join(ROOT, "build", "ceremony");
const directory = path.join(work, size);
const phase1 = path.join(work, "phase1.ptau");
const build = path.join(work, "build");

/** Runs `plimsoll` and returns what it prints. */
function plimsoll(args: readonly string[], options: { input?: string; cwd?: string } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const command = [path.join(ROOT, "prover/bin/plimsoll.mjs"), ...args];
    const child = spawn(process.execPath, command, {
      cwd: options.cwd ?? work,
      env: { ...process.env, PLIMSOLL_BUILD: build },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`plimsoll ${args[0]}: ${errors}${output}`)),
    );
    child.stdin.end(options.input ?? "");
  });
}

/** Runs a step of the ceremony; says on stderr what it did, and on stdout what its actor publishes. */
async function ceremony(who: string, what: string, args: readonly string[], input?: string): Promise<void> {
  const published = await step(`${who}: ${what}`, () =>
    plimsoll(["ceremony", ...args], input === undefined ? {} : { input }),
  );
  process.stdout.write(`${who} publishes\n${published.replaceAll(/^/gm, "  ").trimEnd()}\n`);
}

async function refused(what: string, code: string, work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  if (!(error instanceof PlimsollError) || error.code !== code) throw new Error(`not refused: ${what}`);
  process.stdout.write(`refused, ${what}: ${error.rule}\n`);
}

const started = Date.now();
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });

const { domainPower } = shapeOf(size);
await step(`phase 1 for this rehearsal, 2^${domainPower}`, () =>
  plimsoll(["ceremony", "phase1", phase1, "--power", `${domainPower}`]),
);
const plan = ["--circuit", size, "--phase1", phase1, "--contributors", "3", "--rehearsal"];
await ceremony("coordinator", "start", ["start", directory, ...plan]);
const typed = () => randomBytes(24).toString("base64"); // stands for what a person types
await ceremony("Ada", "contribute", ["contribute", directory, "--name", "Ada"], typed());
await ceremony("Grace", "contribute", ["contribute", directory, "--name", "Grace"], typed());
await ceremony("coordinator", "announce the beacon", [
  "announce",
  directory,
  "--words",
  "the next throw of the coordinator's dice",
]);
await ceremony("Barbara", "contribute", ["contribute", directory, "--name", "Barbara"], typed());
await ceremony("coordinator", "apply the beacon", ["beacon", directory, "--value", randomBytes(32).toString("hex")]);
for (const name of ["Ada", "Grace", "Barbara"]) {
  await ceremony(name, "add a share of the link key", ["link", directory, "--name", name], typed());
}
await ceremony("coordinator", "finalise", ["finalise", directory]);

// The venue.
await step("venue: verify and install", () => plimsoll(["ceremony", "install", directory, "--build", build]));
const key = (await loadDeployableKey(size, { directory: build }))!;
const parametersOf = async ([venue, operator, ...reporters]: Signer[]) => ({
  owner: await venue!.getAddress(),
  guardian: await venue!.getAddress(),
  operator: await operator!.getAddress(),
  operatorDeadline: 86_400n,
  reporters: await Promise.all(reporters.slice(0, 5).map((reporter) => reporter.getAddress())),
  quorum: 3n,
  timelock: 172_800n,
  maxMoveBps: 2_000n,
  sequencer: "none",
  boardSize: "board-60" as const,
  keepsBlobs: true,
  staging: false,
  assets: [],
});
async function deployOn(chainId: number, keys: (typeof key)[]) {
  const { ethers } = (await network.connect({ override: { chainId, gas: 16_000_000n } } as never)) as unknown as {
    ethers: { getSigners(): Promise<Signer[]> };
  };
  const signers = await ethers.getSigners();
  return deploy({ deployer: signers[0]!, keys, parameters: await parametersOf(signers) });
}
const deployment = await step("venue: deploy on a local chain", () => deployOn(31_337, [key]));
const { contracts, keys } = await deploymentRecord(deployment);
process.stdout.write(`account verifier ${contracts[`verifier ${size}`]!.address}, key ${keys[0]!.keyHash}\n`);
// S03, S04
const other = { ...key, verificationKeyFile: Uint8Array.from([...key.verificationKeyFile, 32]) };
await refused("a key that is not the manifest's", "ARTIFACT_HASH", deployOn(31_337, [other]));
await refused("off a local chain", "KEY_REFUSED", deployOn(1, [key]));

// A firm proves under the key, and anybody verifies.
await step("firm: prove and verify under the key", async () => {
  await plimsoll(["init", path.join(work, "firm")]);
  const cwd = path.join(work, "firm");
  const market = ["--policy", "policy.json", "--market", "market.json"];
  const asked = ["--at-least", "initial", "--audience", "an auditor"];
  await plimsoll(
    ["prove", ...market, "--account", "account.json", "--key", "viewing.key", ...asked, "--out", "proof.json"],
    { cwd },
  );
  const verdict = await plimsoll(["verify", "proof.json", ...market, ...asked], { cwd });
  if (!verdict.includes("REHEARSAL_KEY")) throw new Error("the verdict does not say that the key is a rehearsal's");
});

// The auditor: an empty directory, and the files that were published.
const auditor = mkdtempSync(path.join(tmpdir(), "plimsoll-auditor-"));
try {
  cpSync(directory, path.join(auditor, "ceremony"), { recursive: true });
  const verdict = await step("auditor: verify from files alone", () =>
    plimsoll(["ceremony", "verify", "ceremony"], { cwd: auditor }),
  );
  process.stdout.write(`the auditor reads\n${verdict.replaceAll(/^/gm, "  ").trimEnd()}\n`);
} finally {
  rmSync(auditor, { recursive: true, force: true });
}
process.stdout.write(`the whole ceremony took ${((Date.now() - started) / 1000).toFixed(0)} s\n`);
