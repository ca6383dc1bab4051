// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The desk over HTTP, on loopback unless configured otherwise. PRIVATE: every answer but the page itself needs a token or a session.
 *
 * Requests that name another host than the desk's are refused, so that no web page can reach a desk by a name that it has pointed at
 * this machine; and so are requests of other pages that change anything.
 */
import { readFile } from "node:fs/promises";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import { z } from "zod";
import { explainChanges } from "../../app/desk/changes.ts";
import type { Task } from "../../app/desk/records.ts";
import { timeline } from "../../app/desk/timeline.ts";
import { type ErrorCode, PlimsollError } from "../../errors.ts";
import { LEVELS } from "../../formats/policy.ts";
import { VERSION } from "../../node/installation.ts";
import { Access, may, type Person, type Role } from "./access.ts";
import type { Desk, DeskEvent } from "./desk.ts";
import { Metrics } from "./metrics.ts";
import * as shapes from "./schemas.ts";

/** Browsers send cookies to every port of a machine: each desk has its own. */
const cookieOf = ({ socket }: FastifyRequest) => `plimsoll-desk-${socket.localPort}`;
const MAX_BODY = 64_000;
/** Requests of one address in a minute; and attempts to sign in. */
const [RATE, SIGN_IN_RATE] = [600, 10];
/** Points of a chart. */
const MOST_READINGS = 600;
/** Tasks, and alerts, of a time line. */
const MOST_HAPPENINGS = 200;
const HEARTBEAT = 15_000;

const STATUS: Partial<Record<ErrorCode, number>> = {
  UNKNOWN_NAME: 404,
  TOO_LARGE: 413,
  INTERNAL: 500,
  OUT_OF_MEMORY: 500,
};

export interface DeskServer {
  /** Where it listens. */
  readonly url: string;
  close(): Promise<void>;
}

type App = FastifyInstance & { withTypeProvider: FastifyInstance["withTypeProvider"] };

/** Serves a desk. `page` is the HTML of the page. Throws `FILE` where the address is taken. */
export async function serveDesk(desk: Desk, page: string): Promise<DeskServer> {
  const { host, port } = desk.config.listen;
  const app = await buildServer(desk, page);
  try {
    await app.listen({ host, port });
  } catch {
    throw new PlimsollError("FILE", `cannot listen at ${host}:${port}: is it taken?`, { field: "listen" });
  }
  const [address] = app.addresses() as { port: number }[];
  return {
    // Port 0 is any that is free.
    url: `http://${host.includes(":") ? `[${host}]` : host}:${address!.port}`,
    close: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

async function buildServer(desk: Desk, page: string) {
  const app = fastify({ bodyLimit: MAX_BODY, logger: false, trustProxy: false });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  await app.register(rateLimit, { max: RATE, timeWindow: 60_000 });
  await app.register(swagger, {
    openapi: {
      info: { title: "Plimsoll desk", version: VERSION },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
  });
  const access = new Access(desk.config.tokens, Date.now);
  const metrics = new Metrics(desk);
  guard(app, desk, access, metrics);
  await app.register((routes, _, done) => {
    visitorRoutes(routes, desk, access, metrics, page);
    readingRoutes(routes, desk);
    accountRoutes(routes, desk);
    changingRoutes(routes, desk);
    routes.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
    routes.get("/metrics", { schema: { hide: true } }, async (_, reply) => {
      reply.type(metrics.contentType);
      return metrics.text();
    });
    eventRoute(routes, desk, access);
    done();
  });
  return app;
}

declare module "fastify" {
  interface FastifyRequest {
    person: Person | null;
  }
  interface FastifyContextConfig {
    /** The role that a route needs; a viewer's unless said. */
    readonly role?: Role | "nobody";
  }
}

/** What every request goes through, before and after. */
function guard(app: App, desk: Desk, access: Access, metrics: Metrics): void {
  app.decorateRequest("person", null);
  // After the limit of requests, which nobody gets around without a token.
  app.addHook("preParsing", async (request, reply) => {
    reply.headers({
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "x-frame-options": "DENY",
    });
    if (!isOurs(request, desk.config.listen)) return refuse(reply, 403, "another host or another page");
    const { role = "viewer" } = request.routeOptions.config;
    if (role === "nobody") return undefined;
    request.person = await personOf(request, access);
    if (request.person === null) {
      if (request.headers.authorization !== undefined || request.headers.cookie !== undefined)
        metrics.refusedTokens.inc();
      return refuse(reply, 401, "sign in, or send a token: authorization: Bearer <token>");
    }
    return may(request.person.role, role) ? undefined : refuse(reply, 403, `this needs the role of ${role}`);
  });
  app.setErrorHandler((error, _, reply) => {
    if (error instanceof PlimsollError) {
      const { code, rule, place } = error;
      const field = place.field === undefined ? {} : { field: place.field };
      return reply.status(STATUS[code] ?? 400).send({ error: { code, rule, ...field } });
    }
    const { statusCode = 500, validation } = error as { statusCode?: number; validation?: { instancePath: string }[] };
    if (statusCode === 413) return refuse(reply, 413, `expected at most ${MAX_BODY} bytes`);
    if (statusCode === 429) return refuse(reply, 429, "too many requests: try again in a minute");
    if (statusCode < 500) {
      const field = validation?.[0]?.instancePath.slice(1).replaceAll("/", ".");
      return refuse(reply, statusCode, "the request is not of the documented form", field === "" ? undefined : field);
    }
    return refuse(reply, 500, "a defect in plimsoll");
  });
  app.setNotFoundHandler((_, reply) => refuse(reply, 404, "there is nothing at this address"));
}

const CODES: Readonly<Record<number, string>> = {
  401: "UNAUTHORISED",
  403: "FORBIDDEN",
  404: "UNKNOWN_NAME",
  413: "TOO_LARGE",
  429: "TOO_MANY",
  500: "INTERNAL",
};
const refuse = (reply: FastifyReply, status: number, rule: string, field?: string) =>
  reply
    .status(status)
    .send({ error: { code: CODES[status] ?? "FIELD_INVALID", rule, ...(field === undefined ? {} : { field }) } });

/** Whether a request is for this desk by a name of its own, and comes from its own page or from a program. */
function isOurs({ headers }: FastifyRequest, { host, origin: outside }: Desk["config"]["listen"]): boolean {
  const outer = outside === undefined ? undefined : new URL(outside);
  const asked = headers.host ?? "";
  const { origin } = headers;
  // What a proxy hands on has the name that the browser knows.
  if (outer !== undefined && asked === outer.host) return origin === undefined || origin === outer.origin;
  const names = ["localhost", "127.0.0.1", "[::1]", host, `[${host}]`];
  const name = /^(.*?)(?::\d+)?$/.exec(asked)?.[1];
  if (name === undefined || !names.includes(name)) return false;
  // A proxy may ask by the desk's own address, for a page of the name outside.
  const ours = [`http://${asked}`, `https://${asked}`, ...(outer === undefined ? [] : [outer.origin])];
  return origin === undefined || ours.includes(origin);
}

async function personOf(request: FastifyRequest, access: Access): Promise<Person | null> {
  const { headers } = request;
  const token = /^Bearer ([A-Za-z0-9_-]{1,200})$/.exec(headers.authorization ?? "")?.[1];
  if (token !== undefined) return (await access.byToken(token)) ?? null;
  const session = sessionOf(request);
  return session === undefined ? null : ((await access.bySession(session)) ?? null);
}

const sessionOf = (request: FastifyRequest) =>
  request.headers.cookie
    ?.split(/; */)
    .map((each) => each.split("="))
    .find(([name]) => name === cookieOf(request))?.[1];

/** For everybody: the page, whether the desk lives, and signing in and out. */
function visitorRoutes(app: App, desk: Desk, access: Access, metrics: Metrics, page: string): void {
  // Behind a proxy of TLS the session goes over nothing else.
  const secure = desk.config.listen.origin?.startsWith("https:") === true ? "; Secure" : "";
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const config = { role: "nobody" } as const;
  routes.get("/", { config, schema: { hide: true } }, async (_, reply) =>
    reply.type("text/html; charset=utf-8").send(page),
  );
  routes.get("/healthz", { config, schema: { hide: true } }, async () => ({ ok: true }));
  routes.post(
    "/api/session",
    {
      config: { ...config, rateLimit: { max: SIGN_IN_RATE, timeWindow: 60_000 } },
      schema: { body: shapes.signIn, response: { 204: z.null(), 401: shapes.problem } },
    },
    async (request, reply) => {
      const session = await access.open(request.body.token);
      if (session === undefined) {
        metrics.refusedTokens.inc();
        return refuse(reply, 401, "nobody has this token");
      }
      reply.header(
        "set-cookie",
        `${cookieOf(request)}=${session}; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200${secure}`,
      );
      return reply.status(204).send(null);
    },
  );
  routes.delete("/api/session", { config, schema: { response: { 204: z.null() } } }, async (request, reply) => {
    const session = sessionOf(request);
    if (session !== undefined) access.end(session);
    reply.header("set-cookie", `${cookieOf(request)}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0${secure}`);
    return reply.status(204).send(null);
  });
}

/** For viewers. */
function readingRoutes(app: App, desk: Desk): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store } = desk;
  routes.get("/api/desk", { schema: { response: { 200: shapes.overview } } }, async ({ person }) => {
    const { epoch } = desk;
    return {
      name: desk.config.name,
      person: person!,
      epoch: epoch === undefined ? null : { epoch: epoch.market.epoch.toString(), time: epoch.market.time },
      currency: epoch?.policy.cashSymbol ?? null,
      levels: LEVELS.map((name) => ({ name, bps: epoch?.policy.levels[name].toString() ?? "0" })),
      epochSeconds: desk.config.epochSeconds,
      movable: epoch?.input !== undefined,
      underlyings: Object.keys(epoch?.input?.observation.underlyings ?? {}),
      instruments: epoch?.market.instruments.flatMap((each) => (each === undefined ? [] : [each.symbol])) ?? [],
    };
  });
  routes.get("/api/alerts", { schema: { response: { 200: z.array(shapes.alert) } } }, async () => store.alerts());
  routes.get("/api/tasks", { schema: { response: { 200: z.array(shapes.task) } } }, async () =>
    store.tasks.list().map((task) => shownTask(desk, task)),
  );
  routes.get("/api/tasks/:id/file", { schema: { params: shapes.numbered } }, async ({ params }, reply) => {
    const { file, kind } = store.tasks.get(params.id) ?? {};
    if (file == null) throw new PlimsollError("UNKNOWN_NAME", "there is no such proof or pack");
    const name = kind === "pack" ? `pack-${params.id}.zip` : `proof-${params.id}.json`;
    reply.header("content-disposition", `attachment; filename="${name}"`);
    const content = await readFile(file).catch(() => {
      throw new PlimsollError("UNKNOWN_NAME", "the file is not where the desk wrote it");
    });
    return reply.type(kind === "pack" ? "application/zip" : "application/json").send(content);
  });
  routes.get("/api/deliveries", { schema: { response: { 200: z.array(shapes.delivery) } } }, async () =>
    (["dead", "waiting", "sent"] as const).flatMap((state) => store.deliveries({ state })),
  );
}

/** For viewers, of accounts. */
function accountRoutes(app: App, desk: Desk): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store } = desk;
  routes.get("/api/accounts", { schema: { response: { 200: z.array(shapes.reading) } } }, async () =>
    store.latestReadings().map((each) => ({ ...each })),
  );
  routes.get(
    "/api/accounts/:account",
    { schema: { params: shapes.named, response: { 200: shapes.valuation } } },
    async ({ params }) => ({ ...desk.valuation(params.account) }),
  );
  routes.get(
    "/api/accounts/:account/history",
    { schema: { params: shapes.named, querystring: shapes.since, response: { 200: z.array(shapes.reading) } } },
    async ({ params, query }) =>
      store.history(params.account, ago(desk, query.hours), MOST_READINGS).map((each) => ({ ...each })),
  );
  routes.get(
    "/api/accounts/:account/forecast",
    { schema: { params: shapes.named, response: { 200: shapes.forecast.nullable() } } },
    async ({ params }) => {
      const [forecast] = store.latestForecasts(params.account);
      return forecast === undefined ? null : structuredClone(forecast as z.infer<typeof shapes.forecast>);
    },
  );
  routes.get(
    "/api/accounts/:account/changes",
    {
      schema: {
        params: shapes.named,
        querystring: shapes.since,
        response: { 200: z.object({ from: z.string(), to: z.string(), changes: z.array(shapes.change) }) },
      },
    },
    async ({ params, query }) => {
      const now = store.moment(params.account);
      const first = store.history(params.account, ago(desk, query.hours), MOST_READINGS)[0];
      const before =
        store.moment(params.account, ago(desk, query.hours)) ?? (first && store.moment(params.account, first.time));
      if (now === undefined || before === undefined)
        throw new PlimsollError("UNKNOWN_NAME", "there is no reading of this account");
      const changes = explainChanges(before, now).map((each) => ({ ...each, causes: [...each.causes] }));
      return { from: before.time, to: now.time, changes };
    },
  );
  routes.get(
    "/api/accounts/:account/timeline",
    { schema: { params: shapes.named, querystring: shapes.since, response: { 200: z.array(shapes.happening) } } },
    async ({ params: { account }, query }) => {
      const since = desk.now() - query.hours * 3_600_000;
      const [tasks, alerts] = [
        store.tasks.of(account, since, MOST_HAPPENINGS),
        store.alertsOf(account, since, MOST_HAPPENINGS),
      ];
      return timeline(tasks, alerts).map((each) => ({ ...each, transactions: [...each.transactions] }));
    },
  );
  routes.post(
    "/api/accounts/:account/what-if",
    { schema: { params: shapes.named, body: shapes.supposition, response: { 200: shapes.supposed } } },
    async ({ params, body }) => {
      const { before, after, levels } = desk.suppose(params.account, body as Parameters<Desk["suppose"]>[1]);
      return {
        before: { ...before },
        after: { ...after },
        levels: levels.map(({ trades, ...rest }) => ({ ...rest, trades: trades === null ? null : [...trades] })),
      };
    },
  );
}

/** A task without its files' names. */
function shownTask(desk: Desk, task: Task): z.infer<typeof shapes.task> {
  const { file, terms, calls, attempt: _, offered: __, ...rest } = task;
  const { asset, amount } = terms;
  return {
    ...rest,
    pays: asset === undefined || amount === undefined ? null : { asset, amount },
    forWallet: desk.isForWallet(task),
    hasFile: file !== null,
    calls: calls.map(({ block: _block, ...call }) => call),
  };
}

const ago = (desk: Desk, hours: number) =>
  new Date(desk.now() - hours * 3_600_000).toISOString().replace(/\.\d+Z$/, "Z");

/** For operators and approvers. */
function changingRoutes(app: App, desk: Desk): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store } = desk;
  const done = z.object({ ok: z.literal(true) });
  const change = (role: Role, schema: object) => ({ config: { role }, schema: { ...schema, response: { 200: done } } });
  const acted = (person: Person | null, what: string, event: DeskEvent, changed: boolean, otherwise: string) => {
    if (!changed) throw new PlimsollError("UNKNOWN_NAME", otherwise);
    store.act(person!.name, what, desk.now());
    desk.events.emit("change", event);
    return { ok: true } as const;
  };
  const { numbered, named, askedProof } = shapes;
  routes.post(
    "/api/alerts/:id/acknowledge",
    { ...change("operator", { params: numbered }) },
    async ({ params, person }) => {
      const { id } = params as z.infer<typeof numbered>;
      const changed = store.acknowledge(id, person!.name, desk.now());
      return acted(
        person,
        `acknowledged alert ${id}`,
        "alert",
        changed,
        "there is no such alert that nobody has acknowledged",
      );
    },
  );
  routes.post(
    "/api/accounts/:account/proofs",
    change("operator", { params: named, body: askedProof }),
    async (request) => {
      const { account } = request.params as z.infer<typeof named>;
      const { atLeast, audience } = request.body as z.infer<typeof askedProof>;
      desk.ask(account, atLeast, audience, request.person!.name);
      return acted(request.person, `asked for a proof of ${atLeast}`, "task", true, "");
    },
  );
  for (const [word, to] of [
    ["approve", "ready"],
    ["reject", "rejected"],
  ] as const) {
    routes.post(`/api/tasks/:id/${word}`, change("approver", { params: numbered }), async ({ params, person }) => {
      const { id } = params as z.infer<typeof numbered>;
      const changed = store.tasks.decide(id, to, person!.name, desk.now());
      const otherwise = "there is no such task that waits for a decision, or something may have left for it";
      return acted(person, `${word}: task ${id}`, "task", changed, otherwise);
    });
  }
  routes.post(
    "/api/tasks/:id/offer",
    { config: { role: "approver" }, schema: { params: numbered, response: { 200: shapes.offer } } },
    async ({ params }) => {
      const { id } = params as z.infer<typeof numbered>;
      const { chainId, gasLimit, ...offer } = await desk.offer(id);
      return { ...offer, chainId: chainId.toString(), gasLimit: gasLimit.toString() };
    },
  );
  routes.post(
    "/api/tasks/:id/sent",
    change("approver", { params: numbered, body: shapes.sent }),
    async ({ params, body, person }) => {
      const { id } = params as z.infer<typeof numbered>;
      const { hash } = body as z.infer<typeof shapes.sent>;
      await desk.told(id, hash);
      return acted(person, `sent for task ${id}: ${hash}`, "task", true, "");
    },
  );
  const delivery = z.object({ id: z.uuid() });
  routes.post("/api/deliveries/:id/resend", change("operator", { params: delivery }), async ({ params, person }) => {
    const { id } = params as z.infer<typeof delivery>;
    return acted(
      person,
      `resent ${id}`,
      "delivery",
      store.resend(id, desk.now()),
      "there is no such delivery that is dead",
    );
  });
}

/**
 * Server-sent events: the name of what has changed, and no figure. Who hears it asks again. Ends with the session, or the token's line.
 */
function eventRoute(app: App, desk: Desk, access: Access): void {
  app.get("/api/events", { schema: { hide: true } }, (request, reply) => {
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    raw.write(": open\n\n");
    const say = async (words: string) => {
      const person = await personOf(request, access).catch(() => null);
      if (person === null) raw.end();
      else if (!raw.writableEnded) raw.write(words);
    };
    const tell = (what: DeskEvent) => void say(`event: ${what}\ndata: {}\n\n`);
    const beat = setInterval(() => void say(": alive\n\n"), HEARTBEAT);
    desk.events.on("change", tell);
    request.raw.on("close", () => {
      clearInterval(beat);
      desk.events.off("change", tell);
    });
  });
}
