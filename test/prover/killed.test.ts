// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Programs that are killed with -9 at every step of their work on files, and as they prove: no half file, no secret in what is
 * left, no answer that the ledger has not, and the next run works (W07, W08).
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { checkCeremony, startCeremony } from "../../prover/src/app/ceremony.ts";
import { sampleFiles } from "../../prover/src/app/sample-files.ts";
import { ceremonyStore } from "../../prover/src/node/ceremony-store.ts";
import { fileLedger } from "../../prover/src/node/disclosure-ledger.ts";
import { rebuild } from "../../prover/src/node/rebuild.ts";
import { tinyPhase1, tinyR1cs } from "../support/ceremonies.ts";
import { type Ended, killedAt, killedWhen, start } from "../support/killed.ts";
import { endSnarkjsThreads } from "../support/snarkjs.ts";

const MARKET = ["--policy", "policy.json", "--market", "market.json"];
const FIRM = [...MARKET, "--account", "account.json", "--key", "viewing.key"];

describe("programs that are killed", function () {
  this.timeout(120_000);
  let folder: string;
  let firm: string;
  /** What a firm keeps to itself: its viewing key, and the numbers of its account. */
  let secrets: string[];
  const at = (name: string) => path.join(firm, name);
  const options = () => ({ cwd: firm, env: { TMPDIR: path.join(folder, "tmp") } });

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-killed-"));
    mkdirSync(path.join(folder, "tmp"));
    mkdirSync(path.join(folder, "given"));
    for (const { name, text } of sampleFiles("plimsoll"))
      writeFileSync(path.join(folder, "given", name), text, { mode: 0o600 });
    const text = readFileSync(path.join(folder, "given/account.json"), "utf8");
    secrets = [
      readFileSync(path.join(folder, "given/viewing.key"), "utf8").trim(),
      // Long ones: a short one may be in a proof by chance.
      ...[...text.matchAll(/"(-?\d[\d.]{7,})"/g)].map(([, number]) => number!),
    ];
    expect(secrets.length).greaterThan(4);
    const key = ["disclosure", "key", "--holder", "Aldgate", "--secret", "auditor.secret", "--out", "auditor.json"];
    expect((await start(key, { cwd: path.join(folder, "given") }).ended).code).equal(0);
  });
  after(endSnarkjsThreads);
  after(() => rmSync(folder, { recursive: true }));
  beforeEach(() => {
    firm = mkdtempSync(path.join(folder, "firm-"));
    cpSync(path.join(folder, "given"), firm, { recursive: true });
  });

  /** Was killed, and has left nothing of what the firm keeps to itself, neither beside its files nor where the system's are. */
  function hasLeft({ signal, out, err }: Ended): string[] {
    expect(signal, err).equal("SIGKILL");
    expect(readdirSync(path.join(folder, "tmp"))).deep.equal([]);
    const given = readdirSync(path.join(folder, "given"));
    const left = readdirSync(firm).filter((name) => !given.includes(name));
    for (const text of [out, err, ...left.map((name) => readFileSync(at(name), "utf8"))]) {
      for (const secret of secrets) expect(text.includes(secret), "a secret").equal(false);
    }
    return left;
  }

  it("prove: as it proves and as it writes, there is no proof or a whole one, and the next run works", async () => {
    const words = ["prove", ...FIRM, "--audience", "request 9", "--at-least", "100%", "--out", "proof.json"];
    for (const step of ["witness", "prove"]) {
      const isTime = (said: string) => said.includes(`${step} (`);
      expect(hasLeft(await killedWhen(isTime, words, options())), step).deep.equal([]);
    }
    for (const [index, step] of ["write proof.json", "rename proof.json"].entries()) {
      const left = hasLeft(await killedAt(step, words, options()));
      expect(left, step)
        .length(index + 1)
        .and.not.include("proof.json");
    }
    expect((await start(words, options()).ended).code).equal(0);
    expect(JSON.parse(readFileSync(at("proof.json"), "utf8")).format).contain("plimsoll-proof/");
  });

  const asked = (figure: string, out: string, ...more: string[]) =>
    ["disclose", ...FIRM, "--to", "auditor.json", "--audience", "request 9", "--step", "1000000"].concat(
      ["--figure", figure, "--out", out],
      more,
    );
  const answers = async () => (await fileLedger(at("disclosures.json")).read()).answers;
  /** What is done to a file, in this order, that must not be there yet. */
  const stepsOf = (file: string) => ["write", "rename", "remove"].map((what) => `${what} ${file}`);

  it("W07: disclose: as it proves and as it writes, no answer leaves that the ledger has not, and the next run works", async () => {
    const isTime = (said: string) => said.includes("prove (");
    expect(hasLeft(await killedWhen(isTime, asked("equity", "answer.json"), options()))).deep.equal([]);
    let recorded = 0;
    for (const step of [...stepsOf("disclosures.json"), ...stepsOf("answer.json")]) {
      rmSync(at("answer.json"), { force: true });
      hasLeft(await killedAt(step, asked("equity", "answer.json"), options()));
      const known = await answers();
      // The same question all the time: once it is in the ledger, it stays there, once.
      expect(known.length, step).within(recorded, 1);
      recorded = known.length;
      if (!existsSync(at("answer.json"))) continue;
      expect(recorded, step).equal(1);
      expect(JSON.parse(readFileSync(at("answer.json"), "utf8")).format).contain("plimsoll-disclosure/");
    }
    expect([recorded, existsSync(at("answer.json"))]).deep.equal([1, true]);
    const { code, err } = await start(asked("cash", "other.json", "--over-budget"), options()).ended;
    expect(code, err).equal(0);
    expect((await answers()).map(({ figure }) => figure)).deep.equal(["equity", "cash"]);
    expect(statSync(at("disclosures.json")).mode & 0o777).equal(0o600);
    expect(readdirSync(firm).filter((name) => name.startsWith(".disclosures"))).deep.equal([]);
  });

  it("W07: disclose: of many at once, some killed, the ledger has each answer that left, and each once", async () => {
    const figures = ["equity", "cash", "asset:BTC", "asset:ETH"];
    const steps = ["write disclosures.json", "rename disclosures.json", "write answer-2.json"];
    const ended = await Promise.all(
      figures.map((figure, index) => {
        const words = asked(figure, `answer-${index}.json`, "--over-budget");
        const step = steps[index];
        return step === undefined ? start(words, options()).ended : killedAt(step, words, options());
      }),
    );
    expect(ended.map(({ signal }) => signal)).deep.equal(["SIGKILL", "SIGKILL", "SIGKILL", null]);
    expect(ended[3]!.code, ended[3]!.err).equal(0);
    const recorded = (await answers()).map(({ figure }) => figure).sort();
    expect(recorded).deep.equal(["asset:BTC", "asset:ETH"]);
    expect(figures.map((_, index) => existsSync(at(`answer-${index}.json`)))).deep.equal([false, false, false, true]);
  });

  it("disclosure key: as it writes, no half secret and no public key without its secret, and the next run works", async () => {
    const words = ["disclosure", "key", "--holder", "Aldgate", "--secret", "new.secret", "--out", "new.json"];
    for (const step of [...stepsOf("new.secret"), ...stepsOf("new.json").slice(0, 2)]) {
      const left = hasLeft(await killedAt(step, words, options()));
      // What is left under another name is a key that nobody has seen, for the owner's eyes alone.
      for (const name of left.filter((each) => each.includes("secret"))) {
        expect(statSync(at(name)).mode & 0o777, name).equal(0o600);
      }
      expect(left, step).not.include("new.json");
      if (!existsSync(at("new.secret"))) continue;
      expect(readFileSync(at("new.secret"), "utf8"), step).match(/^\d{70,78}\n$/);
      rmSync(at("new.secret")); // it is never overwritten
    }
    expect((await start(words, options()).ended).code).equal(0);
  });

  it("ceremony contribute: as it writes, the ceremony stays one that verifies, and the next contribution works", async () => {
    const store = ceremonyStore(at("ceremony"));
    const machine = { store, now: () => new Date("2026-11-22T08:00:00Z"), compile: rebuild };
    const [circuit, phase1] = await Promise.all([tinyR1cs(), tinyPhase1()]);
    await startCeremony(machine, { origin: "rehearsal", contributors: 1, circuit, phase1 });
    const words = (name: string) => ["ceremony", "contribute", "ceremony", "--name", name];
    const typed = { ...options(), stdin: "typed at random by Ada, who then is killed" };
    const steps = [...stepsOf(".zkey").slice(0, 2), ...stepsOf(".json")];
    for (const [index, step] of steps.entries()) {
      const { signal, err } = await killedAt(step, words(`Ada ${index}`), typed);
      expect(signal, err).equal("SIGKILL");
      // The entry counts from the moment that it has its name.
      expect((await store.entries())!.length, step).equal(step === "remove .json" ? 2 : 1);
      for (const entry of readdirSync(at("ceremony"), { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const content = readFileSync(path.join(entry.parentPath, entry.name), "latin1");
        expect(content.includes("typed at random"), entry.name).equal(false);
      }
    }
    expect((await start(words("Grace"), typed).ended).code).equal(0);
    expect((await store.entries())!.length).equal(3);
    const verdict = await checkCeremony(machine, "so-far");
    expect(verdict.ok, JSON.stringify(verdict)).equal(true);
  });
});
