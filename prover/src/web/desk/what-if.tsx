// SPDX-License-Identifier: GPL-3.0-or-later
/** What would become of an account: moves of the market and trades in, coverage, margin and cures out, at once. */
import { useEffect, useState } from "preact/hooks";
import type { Supposed, Supposition } from "../../app/desk/what-if.ts";
import { levelReached } from "../../app/value.ts";
import { ladderChart } from "../../report/charts.ts";
import { api, type Overview } from "./api.ts";
import { Amount, Chart, coverageText, Foreign, numeric, Section, stepsOf, Table, toneOf, wordOf } from "./parts.tsx";

/** Milliseconds after the last change before the desk is asked. */
const PAUSE = 150;

interface Trade {
  readonly instrument: string;
  readonly quantity: string;
}
interface Form {
  readonly prices: Readonly<Record<string, number>>;
  readonly volatility: number;
  readonly scale: number;
  readonly cash: string;
  readonly trades: readonly Trade[];
}
const NOTHING: Form = { prices: {}, volatility: 0, scale: 100, cash: "", trades: [] };

const fraction = (percentage: number) => String(percentage / 100);
const suppositionOf = ({ prices, volatility, scale, cash, trades }: Form): Supposition => ({
  prices: Object.fromEntries(Object.entries(prices).map(([name, move]) => [name, fraction(move)])),
  volatility: fraction(volatility),
  scale: fraction(scale),
  ...(cash.trim() !== "" && { cash: cash.trim() }),
  trades: trades.filter(({ quantity }) => quantity.trim() !== ""),
});

/** What the desk answers to a form, a moment after it was changed; a fault leaves the last answer. */
function useSupposed(account: string, form: Form, version: number) {
  const [answer, setAnswer] = useState<Supposed>();
  const [fault, setFault] = useState("");
  useEffect(() => {
    let wanted = true;
    const timer = setTimeout(() => {
      api.suppose(account, suppositionOf(form)).then(
        (supposed) => {
          if (!wanted) return;
          setAnswer(supposed);
          setFault("");
        },
        (error: Error) => wanted && setFault(error.message),
      );
    }, PAUSE);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [account, form, version]);
  return { answer, fault };
}

export function WhatIf({ account, overview, version }: { account: string; overview: Overview; version: number }) {
  const [form, setForm] = useState(NOTHING);
  const { answer, fault } = useSupposed(account, form, version);
  const change = (part: Partial<Form>) => setForm((last) => ({ ...last, ...part }));
  return (
    <Section title="What if">
      <div class="what-if">
        <form onSubmit={(event) => event.preventDefault()}>
          {overview.movable ? (
            <MarketMoves form={form} underlyings={overview.underlyings} change={change} />
          ) : (
            <p class="hint">Prices cannot be moved: the desk does not know what the market follows from.</p>
          )}
          <Slider
            id="scale"
            label="Positions as a share of today's"
            from={0}
            to={200}
            value={form.scale}
            onChange={(scale) => change({ scale })}
          />
          <label for="cash">
            Cash paid in <small>negative: paid out</small>
          </label>
          <input
            id="cash"
            type="text"
            inputMode="decimal"
            value={form.cash}
            onInput={(event) => change({ cash: event.currentTarget.value })}
          />
          <Trades trades={form.trades} instruments={overview.instruments} onChange={(trades) => change({ trades })} />
          <div class="actions">
            <button type="button" class="quiet" onClick={() => setForm(NOTHING)}>
              Start again
            </button>
          </div>
        </form>
        <div aria-live="polite">
          <p class="error">{fault}</p>
          {answer && <Answer {...answer} overview={overview} />}
        </div>
      </div>
    </Section>
  );
}

interface MovesProps {
  readonly form: Form;
  readonly underlyings: readonly string[];
  readonly change: (part: Partial<Form>) => void;
}
const MarketMoves = ({ form, underlyings, change }: MovesProps) => (
  <>
    {underlyings.map((name) => (
      <Slider
        key={name}
        id={`move-${name}`}
        label={`Price of ${name}`}
        from={-60}
        to={60}
        value={form.prices[name] ?? 0}
        sign
        onChange={(move) => change({ prices: { ...form.prices, [name]: move } })}
      />
    ))}
    <Slider
      id="volatility"
      label="Implied volatilities"
      from={-50}
      to={150}
      value={form.volatility}
      sign
      onChange={(volatility) => change({ volatility })}
    />
  </>
);

interface SliderProps {
  readonly id: string;
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly value: number;
  readonly sign?: boolean;
  readonly onChange: (value: number) => void;
}
const Slider = ({ id, label, from, to, value, sign = false, onChange }: SliderProps) => (
  <div>
    <label for={id}>
      {label} <output for={id}>{`${sign && value > 0 ? "+" : ""}${value}%`}</output>
    </label>
    <input
      id={id}
      type="range"
      min={from}
      max={to}
      step={1}
      value={value}
      aria-valuetext={`${value}%`}
      onInput={(event) => onChange(Number(event.currentTarget.value))}
    />
  </div>
);

function Trades({
  trades,
  instruments,
  onChange,
}: {
  trades: readonly Trade[];
  instruments: readonly string[];
  onChange: (trades: readonly Trade[]) => void;
}) {
  const put = (index: number, part: Partial<Trade>) =>
    onChange(trades.map((trade, at) => (at === index ? { ...trade, ...part } : trade)));
  return (
    <>
      {trades.map(({ instrument, quantity }, index) => (
        <div class="trade" key={index}>
          <label class="sr" for={`instrument-${index}`}>
            {`Instrument of trade ${index + 1}`}
          </label>
          <select
            id={`instrument-${index}`}
            value={instrument}
            onChange={(event) => put(index, { instrument: event.currentTarget.value })}
          >
            {instruments.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          <label class="sr" for={`quantity-${index}`}>
            {`Quantity of trade ${index + 1}; negative is a sale`}
          </label>
          <input
            id={`quantity-${index}`}
            type="text"
            inputMode="decimal"
            placeholder="bought; negative: sold"
            value={quantity}
            onInput={(event) => put(index, { quantity: event.currentTarget.value })}
          />
          <button
            type="button"
            class="quiet"
            onClick={() => onChange(trades.filter((_, at) => at !== index))}
            aria-label={`Remove trade ${index + 1}`}
          >
            ×
          </button>
        </div>
      ))}
      <div class="actions">
        <button
          type="button"
          class="quiet"
          disabled={instruments.length === 0}
          onClick={() => onChange([...trades, { instrument: instruments[0]!, quantity: "" }])}
        >
          Add a trade
        </button>
      </div>
    </>
  );
}

function Answer({ before, after, levels, overview }: Supposed & { overview: Overview }) {
  const point = (label: string, valuation: typeof before) => ({
    label,
    note: "",
    tone: toneOf(levelReached(valuation)),
    coverage: valuation.coverageBps === null ? undefined : Number(valuation.coverageBps) / 1e4,
    text: coverageText(valuation.coverageBps),
  });
  const rows: readonly (readonly [string, string, string])[] = [
    ["Equity", before.equity, after.equity],
    ["Maintenance margin", before.margin, after.margin],
    ["Excess over initial", before.levels[0]!.excess, after.levels[0]!.excess],
  ];
  return (
    <>
      <Chart
        of={ladderChart("Coverage now and then", stepsOf(overview), [point("now", before), point("then", after)])}
      />
      <Table label="now and then" heads={[overview.currency ?? "", numeric("now"), numeric("then")]}>
        {rows.map(([name, now, then]) => (
          <tr key={name}>
            <td>{name}</td>
            <td class="n">
              <Amount of={now} />
            </td>
            <td class="n">
              <Amount of={then} />
            </td>
          </tr>
        ))}
      </Table>
      <dl>
        <Fact label="Worst scenario now" value={worstOf(before)} />
        <Fact label="Then" value={worstOf(after)} />
      </dl>
      <Table
        label="cures"
        heads={[
          "Then, for the level",
          numeric("most that can leave"),
          numeric("least to pay in"),
          "or the smallest trades",
        ]}
      >
        {levels.map(({ name, withdrawable, topUp, trades }) => (
          <tr key={name}>
            <td>{wordOf(name)}</td>
            <td class="n">
              <Amount of={withdrawable} />
            </td>
            <td class="n">
              <Amount of={topUp} />
            </td>
            <td>{tradesText(trades, topUp)}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}

const Fact = ({ label, value }: { label: string; value: string }) => (
  <div>
    <dt>{label}</dt>
    <dd>
      <Foreign>{value}</Foreign>
    </dd>
  </div>
);

const worstOf = ({ sets }: Supposed["before"]) =>
  sets.map(({ worstScenario }) => worstScenario ?? "none loses").join("; ");

function tradesText(trades: Supposed["levels"][number]["trades"], topUp: string): string {
  if (Number(topUp) === 0) return "none needed";
  if (trades === null) return "no trades reach it";
  return trades
    .map(({ instrument, quantity }) =>
      quantity.startsWith("-") ? `sell ${quantity.slice(1)} ${instrument}` : `buy ${quantity} ${instrument}`,
    )
    .join(", ");
}
