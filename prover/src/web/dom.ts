// SPDX-License-Identifier: GPL-3.0-or-later
/** What every interactive page does with its document. */
import { PlimsollError } from "../errors.ts";

export const element = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;
export const field = (id: string) => element<HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>(id);
export const button = (id: string) => element<HTMLButtonElement>(id);
export const filesOf = (id: string): File[] => Array.from(element<HTMLInputElement>(id).files ?? []);

/** Shows what is wrong with what the page was given, or `otherwise` where it is the page that has failed. */
export function fail(error: unknown, otherwise: string): void {
  element("progress").textContent = "";
  element("error").textContent = error instanceof PlimsollError ? error.message : otherwise;
}

/** What runs work of a page, and shows what is wrong as `fail` does. */
export const attempting = (otherwise: string) => (work: () => Promise<void>) => {
  element("error").textContent = "";
  work().catch((error) => fail(error, otherwise));
};

/** Calls back with the seconds since, five times a second and at once. Ends when told to, and gives the last count. */
export function stopwatch(tick: (seconds: number) => void): () => number {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const timer = setInterval(() => tick(seconds()), 200);
  tick(0);
  return () => {
    clearInterval(timer);
    return seconds();
  };
}

/** Offers a file for download. */
export function offer(link: HTMLAnchorElement, name: string, content: BlobPart, type: string): void {
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
}

/** A time in UTC and, where it differs, on the reader's own clock. */
export function bothTimes(date: Date): string {
  const utc = date.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
  return date.getTimezoneOffset() === 0 ? `${utc} UTC` : `${utc} UTC (${localTime(date)})`;
}

/** On the reader's own clock, with the name of its zone, and with the day where that is another one than in UTC. */
export function localTime(date: Date): string {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const sameDay = date.getUTCDate() === date.getDate();
  const style = sameDay ? ({ timeStyle: "short" } as const) : ({ dateStyle: "long", timeStyle: "short" } as const);
  return `${date.toLocaleString("en-GB", style)} in ${timeZone}`;
}
