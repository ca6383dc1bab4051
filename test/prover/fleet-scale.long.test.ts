// SPDX-License-Identifier: GPL-3.0-or-later
/** J06: what a hundred thousand finished jobs cost those that are not, of every kind of queue. */
import { expect } from "chai";
import { dispatchTime, FLEETS, type FleetPlace, finishAll, specs } from "../support/fleets.ts";
import { skip } from "../support/skip.ts";

const FINISHED = 100_000;
const POLLS_A_SECOND = 60;

for (const kindOf of FLEETS) {
  const kind = kindOf();
  describe(`a large fleet: ${kind.name}`, function () {
    this.timeout(600_000);
    let place: FleetPlace;
    before(async function () {
      if (kind.missing !== undefined) return skip(this, kind.missing);
      place = await kind.create({ leaseMs: 60_000, mostTries: 5 });
    });
    after(async () => {
      await place?.remove();
      await kind.end();
    });

    it("J06: 10^5 finished jobs and 60 polls a second: a job is handed out within twice the time of an empty queue", async () => {
      const queue = await place.open();
      let polls = 0;
      const polling = setInterval(() => void queue.status().then(() => polls++), 1000 / POLLS_A_SECOND);
      await queue.enqueue(specs(300));
      await dispatchTime(queue, 50); // warm
      const empty = await dispatchTime(queue, 100);
      await finishAll(queue, specs(FINISHED, 1_000));
      expect(await queue.status()).include({ cancelled: FINISHED });
      await dispatchTime(queue, 30); // what was to be written of them is written
      const before = polls;
      const full = await dispatchTime(queue, 100);
      clearInterval(polling);
      expect(full, `against ${empty.toFixed(2)} ms`).lessThan(2 * empty + 1);
      expect(polls).greaterThan(before);
    });
  });
}
