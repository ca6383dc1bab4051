// SPDX-License-Identifier: GPL-3.0-or-later
/** J06: what many finished jobs cost those that are not, of every kind of queue. */
import { expect } from "chai";
import { dispatchTime, FLEETS, type FleetPlace, finishAll, specs } from "../support/fleets.ts";
import { skip } from "../support/skip.ts";

/** Whatever looked at all of them would show. */
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

    it(`J06: ${FINISHED} finished jobs and 60 polls a second: a job is handed out as from an empty queue`, async () => {
      const queue = await place.open();
      let polls = 0;
      let asking = false;
      const poll = async () => {
        if (asking) return;
        asking = true;
        await queue.status();
        polls++;
        asking = false;
      };
      const polling = setInterval(() => void poll(), 1000 / POLLS_A_SECOND);
      await queue.enqueue(specs(300));
      await dispatchTime(queue, 50); // warm
      const empty = await dispatchTime(queue, 100);
      await finishAll(queue, specs(FINISHED, 1_000));
      expect(await queue.status()).include({ cancelled: FINISHED });
      await dispatchTime(queue, 30); // what was to be written of them is written
      const before = polls;
      const full = await dispatchTime(queue, 100);
      clearInterval(polling);
      // A search through all of them takes a hundred times as long; a busy machine makes some difference too.
      expect(full, `against ${empty.toFixed(2)} ms`).lessThan(5 * empty + 2);
      expect(polls).greaterThan(before);
    });
  });
}
