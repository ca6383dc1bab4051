// SPDX-License-Identifier: GPL-3.0-or-later
/** What the desk was asked to do, and what has happened to an account. */
import type { Happening, ShownTask, Task } from "../../app/desk/records.ts";
import { percent } from "../../report/text.ts";
import { api, fileOf, type Overview } from "./api.ts";
import { Action, epochTime, Foreign, Section, Table, timeText, useAnswer } from "./parts.tsx";
import { SendByWallet } from "./wallet.tsx";

const STATE_TEXT: Readonly<Record<Task["state"], string>> = {
  proposed: "waits for an approver",
  ready: "is being done",
  done: "done",
  failed: "failed",
  rejected: "rejected",
};
const KIND_TEXT: Readonly<Record<Task["kind"], string>> = {
  prove: "proof",
  attest: "attestation",
  "top up": "top-up",
  pack: "evidence pack",
};

export function Tasks({ overview, version }: { overview: Overview; version: number }) {
  const { answer: tasks, fault } = useAnswer(api.tasks, [version]);
  if (tasks === undefined) return <p class={fault ? "error" : "hint"}>{fault ?? "Loading."}</p>;
  return (
    <>
      <h1>Tasks</h1>
      {tasks.length === 0 ? (
        <p class="hint">No rule has asked for anything yet.</p>
      ) : (
        <Table label="tasks" heads={["account", "what", "at", "for", "state", "next"]}>
          {tasks.map((task) => (
            <TaskRow key={task.id} task={task} overview={overview} />
          ))}
        </Table>
      )}
    </>
  );
}

/** Of which nothing has left, as far as is known here: the desk decides. */
const isUnbegun = ({ state, kind, calls }: ShownTask) =>
  state === "ready" && (kind === "attest" || kind === "top up") && calls.length === 0;

function TaskRow({ task, overview }: { task: ShownTask; overview: Overview }) {
  const { id, kind, rule, account, time, level, audience, pays, state, decidedBy, reason, hasFile, calls, forWallet } =
    task;
  const decides = overview.person.role === "approver";
  return (
    <tr>
      <td>
        <Foreign>{account}</Foreign>
      </td>
      <td>
        {KIND_TEXT[kind]}
        <small>
          {pays === null ? `at least ${percent(level)}` : `below ${percent(level)}: ${pays.amount} ${pays.asset}`}
        </small>
      </td>
      <td>{epochTime(time)}</td>
      <td>
        <Foreign>{audience === "" ? "everybody" : audience}</Foreign>
        <small>
          <Foreign>{rule}</Foreign>
        </small>
      </td>
      <td>
        {STATE_TEXT[state]}
        {reason !== null && <small>{reason}</small>}
        {decidedBy !== null && (
          <small>
            by <Foreign>{decidedBy}</Foreign>
          </small>
        )}
        {calls.map(({ step, transaction, confirmed }) => (
          <small key={step} title={transaction}>
            {`${step}: ${confirmed ? "on chain" : "sent"}`}
          </small>
        ))}
      </td>
      <td>
        {hasFile && <a href={fileOf(id)}>Download</a>}
        {state === "ready" && forWallet && decides && <SendByWallet id={id} />}{" "}
        {state === "proposed" && decides && <Action work={() => api.decide(id, "approve")}>Approve</Action>}{" "}
        {(state === "proposed" || isUnbegun(task)) && decides && (
          <Action quiet work={() => api.decide(id, "reject")}>
            Reject
          </Action>
        )}
      </td>
    </tr>
  );
}

const HAPPENING_STATE = { ...STATE_TEXT, open: "still", ended: "ended" } as const;
const HAPPENING_TONE = { failed: "bad", open: "warn", done: "good" } as const;

/** Proofs, attestations, top-ups, packs and alerts of an account, the latest first. */
export const TimeLine = ({ happenings }: { happenings: readonly Happening[] }) => (
  <Section title="Time line">
    {happenings.length === 0 ? (
      <p class="hint">Nothing has happened in this time.</p>
    ) : (
      <ol class="time-line">
        {happenings.map(({ time, kind, id, text, state, note, file, transactions }) => (
          <li key={`${kind} ${id}`}>
            <time dateTime={new Date(time).toISOString()}>{`${timeText(time)} UTC`}</time>
            <span>
              <Foreign>{text}</Foreign>
              {transactions.map((hash) => (
                <small key={hash} class="symbol">
                  {hash}
                </small>
              ))}
            </span>
            <span>
              <span class={`ink-${HAPPENING_TONE[state as keyof typeof HAPPENING_TONE] ?? "neutral"}`}>
                {HAPPENING_STATE[state]}
              </span>
              {note !== null && <small>{note}</small>}
              {file && <a href={fileOf(id)}>Download</a>}
            </span>
          </li>
        ))}
      </ol>
    )}
  </Section>
);
