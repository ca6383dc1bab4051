// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Who may do what at a desk. A viewer sees, an operator also acknowledges and asks for proofs, an approver also decides.
 *
 * Programs send a token with every request; a browser exchanges it once for a session that no script can read. The file of tokens
 * holds their hashes, and is read again at every use: a line that is removed ends its sessions too.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { PlimsollError } from "../../errors.ts";
import { formatJson, parseJson } from "../../formats/json.ts";
import { isLabel, LABEL_RULE, label } from "../../formats/labels.ts";
import { PRIVATE, writeResult } from "../../node/files.ts";
import { withLock } from "../../node/lock.ts";
import { conform } from "../../risk/input.ts";

export const ROLES = ["viewer", "operator", "approver"] as const;
export type Role = (typeof ROLES)[number];
export const may = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

const tokens = z.strictObject({
  format: z.literal("plimsoll-desk-tokens/1"),
  tokens: z
    .array(
      z.strictObject({
        name: z.string().refine(isLabel, LABEL_RULE),
        role: z.enum(ROLES),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(1000),
});
type Tokens = z.infer<typeof tokens>;

export interface Person {
  readonly name: string;
  readonly role: Role;
}

const hashOf = (token: string) => createHash("sha256").update(token).digest();
const SESSION_HOURS = 12;

async function readTokens(file: string): Promise<Tokens> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { format: "plimsoll-desk-tokens/1", tokens: [] };
    throw new PlimsollError("FILE", "the tokens cannot be read", { file });
  }
  return conform(tokens, parseJson(text, file, { length: 400_000, values: 5_000 }).plain(), { file });
}

/**
 * Makes a token, adds its hash to the file, and returns it: it is nowhere else. Throws `FIELD_INVALID` for a name that has one. Of two
 * that are made at once none is lost.
 */
export async function makeToken(file: string, name: string, role: Role): Promise<string> {
  label(name, "name");
  return withLock(`${file}.lock`, async () => {
    const given = await readTokens(file);
    if (given.tokens.some((each) => each.name === name)) {
      const rule = "there is a token of this name: remove its line from the file first";
      throw new PlimsollError("FIELD_INVALID", rule, { file });
    }
    const token = randomBytes(32).toString("base64url");
    const added = { name, role, sha256: hashOf(token).toString("hex") };
    await writeResult(file, formatJson({ ...given, tokens: [...given.tokens, added] }), PRIVATE);
    return token;
  });
}

export class Access {
  readonly #file: string;
  readonly #sessions = new Map<string, { readonly token: string; readonly until: number }>();
  readonly #clock: () => number;

  constructor(file: string, clock: () => number) {
    this.#file = file;
    this.#clock = clock;
  }

  /** Who has this token. */
  async byToken(token: string): Promise<Person | undefined> {
    return this.#byHash(hashOf(token));
  }

  async #byHash(hash: Buffer): Promise<Person | undefined> {
    const { tokens: known } = await readTokens(this.#file);
    const found = known.filter(({ sha256 }) => timingSafeEqual(Buffer.from(sha256, "hex"), hash));
    return found[0] && { name: found[0].name, role: found[0].role };
  }

  /** A session of who has this token; undefined where nobody has. */
  async open(token: string): Promise<string | undefined> {
    if ((await this.byToken(token)) === undefined) return undefined;
    const now = this.#clock();
    for (const [id, { until }] of this.#sessions) if (until < now) this.#sessions.delete(id);
    const id = randomBytes(32).toString("base64url");
    this.#sessions.set(id, { token: hashOf(token).toString("hex"), until: now + SESSION_HOURS * 3_600_000 });
    return id;
  }

  async bySession(id: string): Promise<Person | undefined> {
    const session = this.#sessions.get(id);
    if (session === undefined || session.until < this.#clock()) return undefined;
    return this.#byHash(Buffer.from(session.token, "hex"));
  }

  end(id: string): void {
    this.#sessions.delete(id);
  }
}
