// SPDX-License-Identifier: GPL-3.0-or-later
/** The page of a desk: accounts against their levels, live; one account; alerts; tasks. */

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Alert, StoredReading } from "../../app/desk/records.ts";
import { ladderChart } from "../../report/charts.ts";
import { foreign } from "../../report/html.ts";
import { element } from "../dom.ts";
import { AccountView } from "./account.tsx";
import { api, type Overview, Refused } from "./api.ts";
import {
  Action,
  Amount,
  Chart,
  coverageText,
  epochTime,
  Foreign,
  numeric,
  standingOf,
  stepsOf,
  Table,
  timeText,
  toneOf,
  useAnswer,
  viewOf,
} from "./parts.tsx";
import { Tasks } from "./tasks.tsx";

/** Milliseconds between two looks where no event says that something has changed. */
const LOOK = 15_000;

/** The parts of the address behind `#/`. */
const route = (): string[] => location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);

/** Counts changes at the desk, so that what is shown is asked for again; and says whether the desk can be reached. */
function useVersion(signedIn: boolean): { version: number; live: boolean } {
  const [version, setVersion] = useState(0);
  const [live, setLive] = useState(true);
  useEffect(() => {
    if (!signedIn) return undefined;
    const source = new EventSource("/api/events");
    const next = () => setVersion((last) => last + 1);
    for (const name of ["epoch", "alert", "task", "delivery"]) source.addEventListener(name, next);
    source.onopen = () => setLive(true);
    source.onerror = () => setLive(false);
    const timer = setInterval(next, LOOK);
    return () => {
      source.close();
      clearInterval(timer);
    };
  }, [signedIn]);
  return { version, live };
}

function App() {
  const [signedIn, setSignedIn] = useState<boolean>();
  const [path, setPath] = useState(route());
  const { version, live } = useVersion(signedIn === true);
  const { answer: overview, fault } = useAnswer(
    async () => (signedIn ? await api.overview() : undefined),
    [signedIn, version],
  );
  useEffect(() => {
    const follow = () => setPath(route());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  useEffect(() => {
    const token = /^#token=([A-Za-z0-9_-]+)$/.exec(location.hash)?.[1];
    // A token in the address would stay in the browser's history.
    if (token !== undefined) {
      history.replaceState(null, "", "/");
      setPath(route());
    }
    const look = token === undefined ? api.overview() : api.signIn(token);
    look.then(
      () => setSignedIn(true),
      () => setSignedIn(false),
    );
  }, []);
  if (signedIn === undefined) return <p class="hint">Loading.</p>;
  if (!signedIn) return <SignIn onDone={() => setSignedIn(true)} />;
  if (overview === undefined) return <p class={fault ? "error" : "hint"}>{fault ?? "Loading."}</p>;
  const [view, name] = path;
  return (
    <div class="tool">
      <Head overview={overview} live={live} view={view ?? ""} version={version} onOut={() => setSignedIn(false)} />
      {view === "account" && name !== undefined ? (
        <AccountView name={name} overview={overview} version={version} />
      ) : view === "alerts" ? (
        <Alerts overview={overview} version={version} />
      ) : view === "tasks" ? (
        <Tasks overview={overview} version={version} />
      ) : (
        <Accounts overview={overview} version={version} />
      )}
    </div>
  );
}

function SignIn({ onDone }: { onDone: () => void }) {
  const [token, setToken] = useState("");
  const [fault, setFault] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    api
      .signIn(token.trim())
      .then(onDone, (error: Error) => setFault(error instanceof Refused ? error.message : "the desk does not answer"));
  };
  return (
    <form class="tool" onSubmit={submit}>
      <h1>Sign in</h1>
      <p class="lead">The desk's operator makes tokens: plimsoll desk token.</p>
      <label for="token">Token</label>
      <input
        id="token"
        type="password"
        autocomplete="current-password"
        value={token}
        onInput={(event) => setToken(event.currentTarget.value)}
      />
      <div class="actions">
        <button type="submit">Sign in</button>
        <span class="error" role="alert">
          {fault}
        </span>
      </div>
    </form>
  );
}

function Head({
  overview,
  live,
  view,
  version,
  onOut,
}: {
  overview: Overview;
  live: boolean;
  view: string;
  version: number;
  onOut: () => void;
}) {
  const { answer: alerts = [] } = useAnswer(api.alerts, [version]);
  const open = alerts.filter(({ ended }) => ended === null).length;
  const links = [
    ["", "Accounts"],
    ["alerts", open === 0 ? "Alerts" : `Alerts (${open})`],
    ["tasks", "Tasks"],
  ] as const;
  return (
    <nav class="desk-head" aria-label="Desk">
      {links.map(([to, label]) => (
        <a key={to} href={viewOf(to)} aria-current={view === to ? "page" : undefined}>
          {label}
        </a>
      ))}
      <span class="who">
        <span class={live ? "caption" : "error"}>{live ? "live" : "the desk does not answer"}</span>
        <span class="caption">
          <Foreign>{overview.person.name}</Foreign>, {overview.person.role}
        </span>
        <button type="button" class="quiet" onClick={() => void api.signOut().finally(onOut)}>
          Sign out
        </button>
      </span>
    </nav>
  );
}

function Accounts({ overview, version }: { overview: Overview; version: number }) {
  const { answer: readings, fault } = useAnswer(api.accounts, [version]);
  if (readings === undefined) return <p class={fault ? "error" : "hint"}>{fault ?? "Loading."}</p>;
  const sorted = readings.toSorted((a, b) => Number(a.excess) - Number(b.excess));
  return (
    <>
      <h1>
        <Foreign>{overview.name}</Foreign>
      </h1>
      <p class="lead">
        {overview.epoch === null
          ? "No epoch yet."
          : `Epoch ${overview.epoch.epoch}, ${epochTime(overview.epoch.time)}. Amounts in ${overview.currency}, rounded down.`}
      </p>
      {sorted.length === 0 ? (
        <p class="hint">No account has been read yet. Alerts say why.</p>
      ) : (
        <>
          <Ladder readings={sorted} overview={overview} />
          <Table
            label="accounts"
            heads={[
              "account",
              numeric("excess or deficit"),
              numeric("coverage"),
              "stands",
              numeric("equity"),
              numeric("margin"),
            ]}
          >
            {sorted.map(({ account, excess, coverage, level, equity, margin }) => (
              <tr key={account}>
                <td>
                  <a href={viewOf("account", account)}>
                    <Foreign>{account}</Foreign>
                  </a>
                </td>
                <td class="n">
                  <Amount of={excess} tone={excess.startsWith("-") ? "bad" : "good"} />
                </td>
                <td class="n">{coverageText(coverage)}</td>
                <td>
                  <span class={`ink-${toneOf(level)}`}>{standingOf(level)}</span>
                </td>
                <td class="n">
                  <Amount of={equity} />
                </td>
                <td class="n">
                  <Amount of={margin} />
                </td>
              </tr>
            ))}
          </Table>
        </>
      )}
    </>
  );
}

const Ladder = ({ readings, overview }: { readings: readonly StoredReading[]; overview: Overview }) => (
  <Chart
    of={ladderChart(
      "Coverage of each account against the levels",
      stepsOf(overview),
      readings.map(({ account, coverage, level }) => ({
        label: foreign(account),
        note: standingOf(level),
        tone: toneOf(level),
        coverage: coverage === null ? undefined : Number(coverage) / 1e4,
        text: coverageText(coverage),
      })),
    )}
  />
);

const SEVERITY_TONE = { info: "neutral", warning: "warn", critical: "bad" } as const;

function Alerts({ overview, version }: { overview: Overview; version: number }) {
  const { answer: alerts, fault } = useAnswer(api.alerts, [version]);
  if (alerts === undefined) return <p class={fault ? "error" : "hint"}>{fault ?? "Loading."}</p>;
  const row = ({ id, severity, text, began, ended, acknowledgedBy }: Alert) => (
    <tr key={id}>
      <td>
        <span class={`ink-${SEVERITY_TONE[severity]}`}>{severity}</span>
      </td>
      <td>
        <Foreign>{text}</Foreign>
      </td>
      <td>{timeText(began)}</td>
      <td>{ended === null ? "still" : timeText(ended)}</td>
      <td>
        {acknowledgedBy !== null ? (
          <Foreign>{acknowledgedBy}</Foreign>
        ) : ended === null && overview.person.role !== "viewer" ? (
          <Action quiet work={() => api.acknowledge(id)}>
            Acknowledge
          </Action>
        ) : (
          ""
        )}
      </td>
    </tr>
  );
  return (
    <>
      <h1>Alerts</h1>
      {alerts.length === 0 ? (
        <p class="hint">Nothing has been wrong so far.</p>
      ) : (
        <Table label="alerts" heads={["severity", "what", "began, UTC", "ended", "acknowledged by"]}>
          {alerts.map(row)}
        </Table>
      )}
    </>
  );
}

render(<App />, element("desk"));
