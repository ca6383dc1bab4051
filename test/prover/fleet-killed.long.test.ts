// SPDX-License-Identifier: GPL-3.0-or-later
/** Workers and coordinators that are killed with -9 at ten points of their work, of every kind of queue: nothing is lost. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { readOutbox } from "../../prover/src/node/fleet/outbox.ts";
import { STAGES, triesIn } from "../support/fleet-child.ts";
import { type DriverOptions, keptIn } from "../support/fleet-driver.ts";
import { FLEETS, type FleetPlace, specs } from "../support/fleets.ts";
import { skip } from "../support/skip.ts";

const DRIVER = path.resolve(import.meta.dirname, "../support/fleet-driver.ts");
const JOBS = 6;
const VICTIM = specs(JOBS)[2]!.id;
const LEASE_MS = 500;

/** Runs a fleet in a process of its own. */
async function drive(options: DriverOptions): Promise<{ signal: NodeJS.Signals | null; said: string }> {
  const child = spawn(process.execPath, [DRIVER, JSON.stringify(options)], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  const [, signal] = await once(child, "exit");
  return { signal, said };
}

for (const kindOf of FLEETS) {
  const kind = kindOf();
  describe(`a fleet that is killed: ${kind.name}`, function () {
    this.timeout(120_000);
    let place: FleetPlace;
    let folder: string;
    before(function () {
      if (kind.missing !== undefined) return skip(this, kind.missing);
    });
    beforeEach(async () => {
      folder = mkdtempSync(path.join(tmpdir(), "plimsoll-fleet-killed-"));
      place = await kind.create({ leaseMs: LEASE_MS, mostTries: 6 });
    });
    afterEach(async () => {
      await place?.remove();
      if (folder !== undefined) rmSync(folder, { recursive: true });
    });
    after(() => kind.end());

    const options = (): DriverOptions => ({
      ...{ folder, jobs: JOBS, machines: ["a", "b"], leaseMs: LEASE_MS },
      ...(place.at.startsWith("redis") && { redis: { url: place.at, queue: path.basename(folder) } }),
    });
    /** Goes on to the end, and has lost nothing. */
    async function endsWell(tries: number): Promise<void> {
      expect((await drive(options())).signal).equal(null);
      expect(keptIn(folder).sort()).deep.equal(specs(JOBS).map(({ id }) => `${id}.proof`));
      expect(triesIn(path.join(folder, "tries")).length).within(JOBS, tries);
      expect(await readOutbox(path.join(folder, "outbox"))).deep.equal([]);
    }

    for (const killAt of ["opened", "leased", "proven", "accepting", "accepted"] as const) {
      it(`as the first job is ${killAt}: what was kept stays, and the next run does the rest`, async () => {
        expect((await drive({ ...options(), killAt })).signal).equal("SIGKILL");
        await endsWell(JOBS + 3);
      });
    }
    for (const stage of STAGES) {
      it(`J08: as a proof is at "${stage}", it is finished without its worker, and taken by the next run`, async () => {
        const acts = { [VICTIM]: [`orphan ${stage}`] } as const;
        expect((await drive({ ...options(), acts })).signal).equal("SIGKILL");
        for (let wait = 0; wait < 200; wait++) {
          if ((await readOutbox(path.join(folder, "outbox"))).some(({ report }) => report.job.id === VICTIM)) break;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        expect((await readOutbox(path.join(folder, "outbox"))).map(({ report }) => report.job.id)).include(VICTIM);
        await endsWell(JOBS + 3);
      });
    }
    it("as a process that proves is killed by the system: its worker reports it, and the other machine does the job", async () => {
      const acts = { [VICTIM]: ["crash prove"] } as const;
      expect((await drive({ ...options(), acts })).said).contain(`failed ${VICTIM}`);
      await endsWell(JOBS + 1);
    });
  });
}
