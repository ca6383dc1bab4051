// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * A desk's day: `node scripts/bench/desk.ts [--accounts 50] [--epochs 288]`.
 *
 * Steps of a real desk over real files, without pauses, with a forecast of each account every 15 minutes of the day. Prints the time of an epoch against that of its valuations alone in the same
 * run, and the memory of the process through the day.
 */
import { parseArgs } from "node:util";
import { valueAccount } from "../../prover/src/app/value.ts";
import { readAccount } from "../../prover/src/formats/account.ts";
import { formatJson } from "../../prover/src/formats/json.ts";
import { DeskFolder } from "../../test/support/desks.ts";

const { values } = parseArgs({
  options: { accounts: { type: "string", default: "50" }, epochs: { type: "string", default: "288" } },
});
const [accounts, epochs] = [Number(values.accounts), Number(values.epochs)];

const folder = new DeskFolder();
const names = Array.from({ length: accounts }, (_, index) => `account-${index}`);
for (const [index, account] of names.entries()) {
  const { atlas } = folder.firm;
  folder.account({ ...atlas, account, cash: (BigInt(atlas.cash.split(".")[0]!) + BigInt(index) * 1_000n).toString() });
}
const rule = {
  kind: "prove",
  name: "daily",
  atLeast: "call",
  audience: "x",
  when: "every day",
  approval: true,
} as const;
const forecast = { prices: ["BTC-USD.csv", "ETH-USD.csv"], hours: 24, everySeconds: 900, alertPercent: 10 };
folder.past();
const desk = folder.open({ accounts: names.map((name) => ({ file: `${name}.json` })), rules: [rule], forecast });
const seconds = () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
const megabytes = () => Math.round(process.memoryUsage.rss() / 1e6);
const memory: number[] = [];
let [markets, valuations, forecasts] = [0, 0, 0];
let foreseen = 0;
const start = { wall: performance.now(), cpu: seconds() };
let told = start.wall;
for (let epoch = 0; epoch < epochs; epoch++) {
  const before = seconds();
  folder.epoch({ BTC: 0.1 * Math.sin(epoch / 30), ETH: 0.1 * Math.cos(epoch / 25) });
  markets += seconds() - before;
  await desk.step();
  const stepped = seconds();
  while (await desk.forecastNext()) foreseen += 1;
  forecasts += seconds() - stepped;
  if (epoch % 24 === 0) {
    memory.push(megabytes());
    const { policy, market } = desk.epoch!;
    const from = seconds();
    for (const name of names) {
      const document = { ...folder.firm.atlas, account: name };
      valueAccount(readAccount(formatJson(document), name, policy, market), policy, market);
    }
    valuations += (seconds() - from) * 24;
  }
  if (performance.now() - told > 5_000) {
    told = performance.now();
    process.stderr.write(`epoch ${epoch + 1} of ${epochs}\n`);
  }
}
const cpu = seconds() - start.cpu - markets - forecasts - valuations / 24;
const readings = desk.store.history(names[0]!, "", 10_000).length;
await desk.close();
desk.store.close();
folder.remove();
console.log(
  `${accounts} accounts, ${epochs} epochs: ${((performance.now() - start.wall) / 1000).toFixed(1)} s, with the making of the markets`,
);
console.log(
  `the desk: ${((cpu / epochs) * 1000).toFixed(0)} ms of CPU an epoch, ${(cpu / valuations).toFixed(2)} of its valuations alone`,
);
console.log(`forecasts: ${foreseen}, ${((forecasts / foreseen) * 1000).toFixed(0)} ms of CPU each`);
console.log(`memory, MB, through the day: ${memory.join(" ")}`);
if (readings !== epochs) throw new Error(`${readings} of ${epochs} readings`);
