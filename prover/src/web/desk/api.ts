// SPDX-License-Identifier: GPL-3.0-or-later
/** The desk's HTTP interface, as its page uses it. */
import type { Change } from "../../app/desk/changes.ts";
import type { Alert, Forecast, Happening, ShownTask, StoredReading } from "../../app/desk/records.ts";
import type { Supposed, Supposition } from "../../app/desk/what-if.ts";
import type { Valuation } from "../../app/value.ts";
import type { LevelName } from "../../formats/policy.ts";

export interface Overview {
  readonly name: string;
  readonly person: { readonly name: string; readonly role: "viewer" | "operator" | "approver" };
  readonly epoch: { readonly epoch: string; readonly time: string } | null;
  readonly currency: string | null;
  readonly levels: readonly { readonly name: LevelName; readonly bps: string }[];
  readonly epochSeconds: number;
  readonly movable: boolean;
  readonly underlyings: readonly string[];
  readonly instruments: readonly string[];
}
export interface Changes {
  readonly from: string;
  readonly to: string;
  readonly changes: readonly Change[];
}

/** A transaction for a wallet. */
export interface Offer {
  readonly words: string;
  readonly shows: string;
  readonly chainId: string;
  readonly from: string;
  readonly to: string;
  readonly data: string;
  readonly nonce: number;
  readonly gasLimit: string;
}

/** What the desk answered in place of what was asked. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function call<T>(path: string, method = "GET", body?: unknown): Promise<T> {
  const response = await fetch(path, {
    method,
    ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  if (response.status === 204) return undefined as T;
  const answer = await response.json();
  if (response.ok) return answer as T;
  const { rule = "the desk does not answer", field } = answer?.error ?? {};
  throw new Refused(response.status, field === undefined ? rule : `${field}: ${rule}`);
}

/** Where the file of a task is. */
export const fileOf = (id: number) => `/api/tasks/${id}/file`;

const at = (account: string) => `/api/accounts/${encodeURIComponent(account)}`;

export const api = {
  signIn: (token: string) => call<void>("/api/session", "POST", { token }),
  signOut: () => call<void>("/api/session", "DELETE"),
  overview: () => call<Overview>("/api/desk"),
  accounts: () => call<readonly StoredReading[]>("/api/accounts"),
  account: (name: string) => call<Valuation>(at(name)),
  history: (name: string, hours: number) => call<readonly StoredReading[]>(`${at(name)}/history?hours=${hours}`),
  forecast: (name: string) => call<Forecast | null>(`${at(name)}/forecast`),
  changes: (name: string, hours: number) => call<Changes>(`${at(name)}/changes?hours=${hours}`),
  suppose: (name: string, supposition: Supposition) => call<Supposed>(`${at(name)}/what-if`, "POST", supposition),
  alerts: () => call<readonly Alert[]>("/api/alerts"),
  acknowledge: (id: number) => call<unknown>(`/api/alerts/${id}/acknowledge`, "POST"),
  tasks: () => call<readonly ShownTask[]>("/api/tasks"),
  timeline: (name: string, hours: number) => call<readonly Happening[]>(`${at(name)}/timeline?hours=${hours}`),
  decide: (id: number, word: "approve" | "reject") => call<unknown>(`/api/tasks/${id}/${word}`, "POST"),
  offer: (id: number) => call<Offer>(`/api/tasks/${id}/offer`, "POST"),
  sent: (id: number, hash: string) => call<unknown>(`/api/tasks/${id}/sent`, "POST", { hash }),
  askProof: (name: string, atLeast: LevelName, audience: string) =>
    call<unknown>(`${at(name)}/proofs`, "POST", { atLeast, audience }),
};
