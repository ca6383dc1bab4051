// SPDX-License-Identifier: GPL-3.0-or-later
/** One account: where it stands, how it got there, what it holds, and what would become of it. */

import { useState } from "preact/hooks";
import type { Forecast, StoredReading } from "../../app/desk/records.ts";
import { levelReached, type Valuation } from "../../app/value.ts";
import { LEVELS, type LevelName } from "../../formats/policy.ts";
import { barChart, plot } from "../../report/charts.ts";
import { foreign } from "../../report/html.ts";
import { amount } from "../../report/text.ts";
import { api, type Changes, type Overview } from "./api.ts";
import {
  Action,
  Amount,
  Chart,
  coverageText,
  epochTime,
  Foreign,
  numeric,
  Section,
  standingOf,
  Table,
  toneOf,
  useAnswer,
  viewOf,
  wordOf,
} from "./parts.tsx";
import { TimeLine } from "./tasks.tsx";
import { WhatIf } from "./what-if.tsx";

export function AccountView({ name, overview, version }: { name: string; overview: Overview; version: number }) {
  const { answer: valuation, fault } = useAnswer(() => api.account(name), [name, version]);
  const [hours, setHours] = useState(24);
  const { answer: history } = useAnswer(() => api.history(name, hours), [name, hours, version]);
  const { answer: happenings } = useAnswer(() => api.timeline(name, hours), [name, hours, version]);
  const { answer: forecast } = useAnswer(() => api.forecast(name), [name, version]);
  const { answer: changes } = useAnswer(() => api.changes(name, hours), [name, hours, version]);
  if (valuation === undefined) return <p class={fault ? "error" : "hint"}>{fault ?? "Loading."}</p>;
  const level = levelReached(valuation);
  return (
    <>
      <p>
        <a href={viewOf()}>All accounts</a>
      </p>
      <h1>
        <Foreign>{name}</Foreign>
      </h1>
      <p class="lead">{`Epoch ${valuation.epoch}, ${epochTime(valuation.time)}. Amounts in ${valuation.currency}, rounded down.`}</p>
      <div class="cards">
        <Card
          title="Coverage"
          big={coverageText(valuation.coverageBps)}
          note={standingOf(level)}
          tone={toneOf(level)}
        />
        <Card
          title="Excess over initial"
          big={amount(valuation.levels[0]!.excess)}
          note="equity beyond the initial level"
        />
        <Card title="Equity" big={amount(valuation.equity)} note="collateral after haircuts, cash, positions" />
        <Card title="Maintenance margin" big={amount(valuation.margin)} note="worst scenario and charges" />
      </div>
      <Section title="Coverage over time">
        <div class="actions">
          <label for="hours">Show</label>
          <select id="hours" value={hours} onChange={(event) => setHours(Number(event.currentTarget.value))}>
            <option value={6}>6 hours</option>
            <option value={24}>a day</option>
            <option value={168}>a week</option>
            <option value={720}>a month</option>
          </select>
        </div>
        {history && history.length > 1 ? (
          <History readings={history} forecast={forecast ?? null} overview={overview} />
        ) : (
          <p class="hint">No earlier readings yet.</p>
        )}
        {forecast && <Chances {...forecast} />}
        {changes && <ChangesTable {...changes} />}
      </Section>
      <WhatIf account={name} overview={overview} version={version} />
      {happenings && <TimeLine happenings={happenings} />}
      <Holdings valuation={valuation} />
      <Scenarios valuation={valuation} />
      {overview.person.role !== "viewer" && <AskProof account={name} />}
    </>
  );
}

/** Scenarios that are shown at once, the worst first. */
const SHOWN = 12;

const Scenarios = ({ valuation: { sets, scenarios } }: { valuation: Valuation }) => (
  <Section title="Profit and loss by scenario">
    {sets.map(({ blocks, profits, worstScenario }) => {
      const rows = scenarios
        .map((label, index) => ({ label, profit: profits[index]! }))
        .toSorted((a, b) => Number(a.profit) - Number(b.profit))
        .map(({ label, profit }) => ({
          label: foreign(label),
          segments: [{ value: Number(profit), tone: profit.startsWith("-") ? ("bad" as const) : ("good" as const) }],
          text: amount(profit),
          emphasised: label === worstScenario,
        }));
      const title = "Scenarios of a netting set, the worst first";
      return (
        <div key={blocks.join()}>
          <Chart of={barChart(title, rows.slice(0, SHOWN))} />
          <details>
            <summary>{`All ${rows.length} scenarios`}</summary>
            <Chart of={barChart(title, rows)} />
          </details>
        </div>
      );
    })}
  </Section>
);

const Card = ({ title, big, note, tone = "neutral" }: { title: string; big: string; note: string; tone?: string }) => (
  <div class={`card ${tone}`}>
    <h2>{title}</h2>
    <p class="big">{big}</p>
    <p>{note}</p>
  </div>
);

interface HistoryProps {
  readonly readings: readonly StoredReading[];
  readonly forecast: Forecast | null;
  readonly overview: Overview;
}

function History({ readings, forecast, overview }: HistoryProps) {
  const points = readings.flatMap(({ time, coverage }): [number, number][] =>
    coverage === null ? [] : [[Date.parse(time), Number(coverage) / 100]],
  );
  const title = forecast === null ? "" : `, and the band that it is in ${forecast.hours} hours on, nine times in ten`;
  const long = points.length > 1 && points.at(-1)![0] - points[0]![0] > 2 * 86_400_000;
  const style = long
    ? ({ day: "numeric", month: "short" } as const)
    : ({ hour: "2-digit", minute: "2-digit" } as const);
  const format = (value: number) => new Date(value).toLocaleString("en-GB", { ...style, timeZone: "UTC" });
  return (
    <Chart
      of={plot({
        title: `Coverage over time against the levels${title}`,
        x: { label: "UTC", format },
        y: { label: "coverage, %" },
        lines: [{ label: "", points, series: 1 }],
        bands: forecast === null ? [] : [{ points: bandOf(forecast), opacity: 0.25 }],
        levels: overview.levels
          .filter(({ name }) => name !== "closeOut")
          .map(({ name, bps }) => ({ y: Number(bps) / 100, label: wordOf(name) })),
      })}
    />
  );
}

const bandOf = ({ time, band }: Forecast) =>
  band.flatMap(({ hours, low, high }): [number, number, number][] =>
    low === null || high === null
      ? []
      : [[Date.parse(time) + hours * 3_600_000, Number(low) / 100, Number(high) / 100]],
  );

/** Below it nobody should read more into a figure. */
const LEAST_CHANCE = 0.001;
const chanceText = (chance: number) =>
  chance === 1 ? "is below it" : chance < LEAST_CHANCE ? "less than 0.1%" : `${(100 * chance).toFixed(1)}%`;

const Chances = ({ time, hours, band, levels }: Forecast) => {
  const end = band.at(-1)!;
  return (
    <Table
      label="forecast"
      caption={`Forecast of ${epochTime(time)} for ${hours} hours. Nine times in ten coverage ends between ${coverageText(end.low)} and ${coverageText(end.high)}.`}
      heads={["level", numeric("chance of falling below it")]}
    >
      {levels.map(({ name, chance }) => (
        <tr key={name}>
          <td>{wordOf(name)}</td>
          <td class="n">{chanceText(chance)}</td>
        </tr>
      ))}
    </Table>
  );
};

const CAUSE = {
  market: "prices and volatilities",
  policy: "the venue's policy",
  account: "collateral, cash and positions",
} as const;

const ChangesTable = ({ from, changes }: Changes) => (
  <Table
    label="changes"
    caption={`Why it changed since ${epochTime(from)}`}
    heads={["what changed", numeric("equity"), numeric("margin"), numeric("coverage then")]}
  >
    {changes.map(({ causes, equity, margin, coverageBps }) => (
      <tr key={causes.join()}>
        <td>{causes.map((cause) => CAUSE[cause]).join(" and ")}</td>
        <td class="n">
          <Amount of={equity} />
        </td>
        <td class="n">
          <Amount of={margin} />
        </td>
        <td class="n">{coverageText(coverageBps)}</td>
      </tr>
    ))}
  </Table>
);

const Holdings = ({ valuation }: { valuation: Valuation }) => (
  <>
    <Section title="Collateral">
      <Table label="collateral" heads={["asset", numeric("quantity"), numeric("worth"), numeric("counts")]}>
        {valuation.collateral
          .filter(({ quantity }) => quantity !== "0")
          .map(({ asset, quantity, marketValue, value }) => (
            <tr key={asset}>
              <td class="symbol">{asset}</td>
              <td class="n">{quantity}</td>
              <td class="n">
                <Amount of={marketValue} />
              </td>
              <td class="n">
                <Amount of={value} />
              </td>
            </tr>
          ))}
        <tr>
          <td>cash, net of what positions cost</td>
          <td />
          <td class="n">
            <Amount of={valuation.cash} />
          </td>
          <td class="n">
            <Amount of={valuation.cash} />
          </td>
        </tr>
      </Table>
    </Section>
    <Section title="Positions">
      <Table label="positions" heads={["instrument", numeric("quantity"), numeric("mark of a unit"), numeric("value")]}>
        {valuation.positions.map(({ instrument, quantity, mark, value }) => (
          <tr key={instrument}>
            <td class="symbol">{instrument}</td>
            <td class="n">{quantity}</td>
            <td class="n">{mark}</td>
            <td class="n">
              <Amount of={value} />
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  </>
);

function AskProof({ account }: { account: string }) {
  const [level, setLevel] = useState<LevelName>("initial");
  const [audience, setAudience] = useState("");
  const [asked, setAsked] = useState(false);
  return (
    <Section title="Ask for a proof">
      <p class="hint">An approver decides before it is made. It is valid for the reader or request named here alone.</p>
      <label for="level">Level that is held at least</label>
      <select id="level" value={level} onChange={(event) => setLevel(event.currentTarget.value as LevelName)}>
        {LEVELS.map((name) => (
          <option key={name} value={name}>
            {wordOf(name)}
          </option>
        ))}
      </select>
      <label for="audience">Reader or request</label>
      <input id="audience" type="text" value={audience} onInput={(event) => setAudience(event.currentTarget.value)} />
      <div class="actions">
        <Action
          work={async () => {
            await api.askProof(account, level, audience.trim());
            setAsked(true);
          }}
        >
          Ask
        </Action>
        <span class="found">{asked ? "It waits for an approver: see Tasks." : ""}</span>
      </div>
    </Section>
  );
}
