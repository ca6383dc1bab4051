// SPDX-License-Identifier: GPL-3.0-or-later
/** `plimsoll-trust/1`: whom and what the reader of packs trusts. It comes from the reader alone, never from a pack. */
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { type JsonLimits, type JsonValue, parseJson } from "../formats/json.ts";
import { lookOf } from "../formats/look-alikes.ts";
import { KEY_ORIGINS } from "../keys/origin.ts";
import { circuitsOf } from "../statement/families.ts";
import type { KeyIdentity } from "../verify/verifier.ts";
import { type ChainReference, chainReferenceOf, type TrustedOracle } from "./evidence.ts";
import { PACK_CIRCUITS } from "./format.ts";

const FORMAT = "plimsoll-trust/1";
const LIMITS: JsonLimits = { length: 400_000, values: 10_000 };
const MAX_ENTRIES = 200;
/** 3 years. */
const MAX_AGE = 94_608_000;

/** Circuits whose keys a reader may trust: those of packs, and of books. */
export const TRUSTED_CIRCUITS = [...PACK_CIRCUITS, ...circuitsOf("book")] as const;
export type TrustedCircuit = (typeof TRUSTED_CIRCUITS)[number];

/**
 * Whom and what the reader of packs trusts: keys, policies, oracles and attesters.
 * @see docs/library.md#evidence-packs
 */
export interface Trust {
  /** Who may seal packs. `seen`: the last pack that the reader has had from the firm. */
  readonly firms: readonly {
    readonly name: string;
    readonly signer: string;
    readonly seen?: { readonly number: bigint; readonly sha256: string };
  }[];
  /** Verification keys, one or more for a circuit; whoever made a development key can forge proofs. */
  readonly keys: readonly (KeyIdentity<TrustedCircuit> & { readonly r1csSha256?: string })[];
  /** Market values and attested holdings older than this are not current. Seconds. */
  readonly maxAge: number;
  /** Where given, proofs made for anyone or anything else are refused. */
  readonly audience?: string;
  /** Where given, other policies are refused, and those past `until` are not current. */
  readonly policies?: readonly { readonly sha256: string; readonly until?: string }[];
  readonly attesters: readonly { readonly name: string; readonly signer: string }[];
  readonly oracles: readonly TrustedOracle[];
  /** What the reader has looked up on a chain. */
  readonly chain: readonly ChainReference[];
}

/**
 * Throws `SYNTAX`, `TOO_LARGE`, `FIELD_INVALID` or `OUT_OF_RANGE`. Addresses may be in mixed case.
 * @see docs/library.md#evidence-packs
 */
export function readTrust({ text, file }: NamedText): Trust {
  const trust = trustOf(parseJson(text, file, LIMITS));
  try {
    checkParties(trust);
  } catch (error) {
    throw error instanceof PlimsollError ? error.at({ file }) : error;
  }
  return trust;
}

/**
 * Checks that the keys of one party bear one name: a party that vouches under two names would be counted as two. Throws
 * `FIELD_INVALID` for an address that has two names, and for a name that looks like another.
 */
export function checkParties({ firms, attesters }: Pick<Trust, "firms" | "attesters">): void {
  const names = new Map<string, string>();
  const looks = new Map<string, string>();
  for (const [field, parties] of Object.entries({ firms, attesters })) {
    for (const [index, { name, signer }] of parties.entries()) {
      const place = { field: `${field}[${index}]` };
      if ((names.get(signer) ?? name) !== name) {
        throw new PlimsollError("FIELD_INVALID", "this address has another name here already", place);
      }
      const look = lookOf(name);
      if ((looks.get(look) ?? name) !== name) {
        const rule =
          "its name looks like another one here; give the keys of one party one name, and other parties clearly other ones";
        throw new PlimsollError("FIELD_INVALID", rule, place);
      }
      names.set(signer, name);
      looks.set(look, name);
    }
  }
}

function trustOf(root: JsonValue): Trust {
  const top = root.fields(
    ["format", "firms", "keys", "maxAgeSeconds"],
    ["audience", "policies", "attesters", "oracles", "chain"],
  );
  top.format.literal(FORMAT);
  const list = <T>(value: JsonValue | undefined, read: (element: JsonValue) => T): T[] =>
    value === undefined ? [] : value.elements(0, MAX_ENTRIES).map(read);
  return {
    firms: list(top.firms, (element) => {
      const { name, signer, seen } = element.fields(["name", "signer"], ["seen"]);
      const last = seen?.fields(["number", "sha256"]);
      return {
        name: name.label(),
        signer: address(signer),
        ...(last === undefined
          ? {}
          : { seen: { number: last.number.amount((value) => value), sha256: last.sha256.sha256() } }),
      };
    }),
    keys: list(top.keys, (element) => {
      const { size, sha256, origin, r1csSha256 } = element.fields(["size", "sha256", "origin"], ["r1csSha256"]);
      return {
        size: size.oneOf(TRUSTED_CIRCUITS),
        sha256: sha256.sha256(),
        origin: origin.oneOf(KEY_ORIGINS),
        ...(r1csSha256 === undefined ? {} : { r1csSha256: r1csSha256.sha256() }),
      };
    }),
    maxAge: top.maxAgeSeconds.count(0, MAX_AGE),
    ...(top.audience === undefined ? {} : { audience: top.audience.label() }),
    ...(top.policies === undefined
      ? {}
      : {
          policies: list(top.policies, (element) => {
            const { sha256, until } = element.fields(["sha256"], ["until"]);
            return { sha256: sha256.sha256(), ...(until === undefined ? {} : { until: until.time() }) };
          }),
        }),
    attesters: list(top.attesters, (element) => {
      const { name, signer } = element.fields(["name", "signer"]);
      return { name: name.label(), signer: address(signer) };
    }),
    oracles: list(top.oracles, (element) => {
      const { chainId, contract, board, reporters, quorum, listing } = element.fields(
        ["chainId", "contract", "board", "reporters", "quorum"],
        ["listing"],
      );
      return {
        chainId: chainId.amount((value) => value).toString(),
        contract: address(contract),
        board: board.amount((value) => value).toString(),
        reporters: list(reporters, address),
        quorum: quorum.count(1, 32),
        ...(listing === undefined ? {} : { listing: listing.sha256() }),
      };
    }),
    chain: list(top.chain, chainReferenceOf),
  };
}

function address(value: JsonValue): string {
  const text = value.string();
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw value.error("FIELD_INVALID", "expected an address: 0x and 40 digits");
  return text.toLowerCase();
}
