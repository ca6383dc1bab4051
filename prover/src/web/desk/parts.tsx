// SPDX-License-Identifier: GPL-3.0-or-later
/** What all views are built from. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import type { LevelName } from "../../formats/policy.ts";
import type { Tone } from "../../report/charts.ts";
import type { Markup } from "../../report/html.ts";
import { amount, levelWord, percent } from "../../report/text.ts";
import type { Overview } from "./api.ts";

/** Of coverage by the highest level that it reaches. */
const TONES: Readonly<Record<LevelName, Tone>> = {
  initial: "good",
  call: "warn",
  liquidation: "severe",
  closeOut: "bad",
};
export const toneOf = (level: LevelName | null): Tone => (level === null ? "bad" : TONES[level]);
const STANDINGS: Readonly<Record<LevelName, string>> = {
  initial: "above initial",
  call: "below initial",
  liquidation: "margin call",
  closeOut: "liquidation",
};
export const standingOf = (level: LevelName | null): string => (level === null ? "close-out" : STANDINGS[level]);
export const coverageText = (bps: string | null): string => (bps === null ? "no margin" : percent(bps));
export const wordOf = levelWord;

/** Amounts of a page are rounded down to hundredths; the exact ones are in the tooltip. */
export const Amount = ({ of, tone }: { of: string; tone?: Tone | undefined }) => (
  <span title={of} class={tone === undefined ? "" : `ink-${tone}`}>
    {amount(of)}
  </span>
);

/** Words that somebody else chose. */
export const Foreign = ({ children }: { children: string }) => <bdi class="foreign">{children}</bdi>;

/** A chart of the project's kit, whose every text is escaped. */
export const Chart = ({ of }: { of: Markup }) => <div dangerouslySetInnerHTML={{ __html: of.text }} />;

export const Section = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <section>
    <h2>{title}</h2>
    {children}
  </section>
);

/** The head of a column of figures. */
export const numeric = (figures: string) => ({ figures });

interface TableProps {
  readonly label: string;
  readonly caption?: string;
  readonly heads: readonly (string | ReturnType<typeof numeric>)[];
  readonly children: ComponentChildren;
}

/** A table that may be wider than the page: it scrolls, by keyboard too. */
export const Table = ({ label, caption, heads, children }: TableProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: without a place in the order of focus, a keyboard cannot scroll it.
  <section class="scroll" tabIndex={0} aria-label={label}>
    <table>
      {caption !== undefined && <caption class="caption">{caption}</caption>}
      <thead>
        <tr>
          {heads.map((head) =>
            typeof head === "string" ? (
              <th key={head}>{head}</th>
            ) : (
              <th key={head.figures} class="n">
                {head.figures}
              </th>
            ),
          )}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </section>
);

/** A link to a view of the page. */
export const viewOf = (...parts: readonly string[]) => `#/${parts.map(encodeURIComponent).join("/")}`;

/** What an account's steps are drawn against, ascending as the chart kit has them. */
export const stepsOf = ({ levels }: Overview) =>
  levels.toReversed().map(({ name, bps }) => ({
    label: `${levelWord(name)} ${percent(bps)}`,
    level: Number(bps) / 1e4,
    tone: toneOf(name),
  }));

/** Asks again at every change of `of`, and keeps the last answer meanwhile. */
export function useAnswer<T>(ask: () => Promise<T>, of: readonly unknown[]): { answer?: T; fault?: string } {
  const [state, setState] = useState<{ answer?: T; fault?: string }>({});
  useEffect(() => {
    let wanted = true;
    ask().then(
      (answer) => wanted && setState({ answer }),
      (error: Error) => wanted && setState((last) => ({ ...last, fault: error.message })),
    );
    return () => {
      wanted = false;
    };
  }, of);
  return state;
}

/** A button whose work may fail: it says so beside itself, and cannot be pressed twice at once. */
export function Action({
  children,
  work,
  quiet,
}: {
  children: ComponentChildren;
  work: () => Promise<unknown>;
  quiet?: boolean;
}) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const press = useCallback(() => {
    setBusy(true);
    setFault("");
    work()
      .catch((error: Error) => setFault(error.message))
      .finally(() => setBusy(false));
  }, [work]);
  return (
    <>
      <button type="button" class={quiet ? "quiet" : ""} disabled={busy} onClick={press}>
        {children}
      </button>
      <span class="error" role="alert">
        {fault}
      </span>
    </>
  );
}

export const timeText = (milliseconds: number) =>
  new Date(milliseconds).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
export const epochTime = (text: string) => `${timeText(Date.parse(text))} UTC`;
