// SPDX-License-Identifier: GPL-3.0-or-later
/** Files of a deployment: what is to be deployed, and what has been. */
import { id } from "ethers";
import { z } from "zod";
import { parseJson } from "../formats/json.ts";
import { KEY_ORIGINS } from "../keys/origin.ts";
import { BOARD_SIZES, type BoardSize } from "../model/sizes.ts";
import { conform } from "../risk/input.ts";
import { CIRCUITS, type CircuitName } from "../statement/families.ts";
import type { DeploymentStep, SystemParameters } from "./deploy.ts";

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
export const address = z.string().regex(ADDRESS, "expected an address: 0x and 40 hexadecimal digits");
export const whole = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,17})$/, "expected a whole number, as text")
  .transform(BigInt);
const request = z.strictObject({
  sizes: z.array(z.enum(BOARD_SIZES)).min(1),
  board: z.enum(BOARD_SIZES),
  keepsBlobs: z.boolean(),
  staging: z.boolean(),
  owner: address,
  guardian: address,
  operator: address,
  operatorDeadlineSeconds: whole,
  reporters: z.array(address).min(1),
  quorum: whole,
  timelockSeconds: whole,
  maxMoveBps: whole,
  sequencer: z
    .string("expected the address of the sequencer's uptime feed, or none for a chain without a sequencer")
    .refine((text) => text === "none" || ADDRESS.test(text), "expected an address, or none"),
  assets: z.array(
    z.strictObject({
      index: z.int().min(0).max(15),
      token: address,
      lotDecimals: z.int().min(0).max(8),
      depositCap: whole,
      outflow: whole,
    }),
  ),
});

/**
 * What is to be deployed: for which sizes of board, and the parameters of the system.
 * @see docs/library.md#on-chain
 */
export interface DeploymentRequest {
  readonly sizes: readonly BoardSize[];
  readonly parameters: SystemParameters;
}

const step = z.strictObject({ what: z.string(), transaction: z.string().regex(/^0x[0-9a-f]{64}$/) });
const record = z.strictObject({
  format: z.literal("plimsoll-deployment/1"),
  chainId: z.string().regex(/^[1-9][0-9]*$/),
  deployer: address,
  /** Hash of request and keys: another deployment has a record of its own. */
  request: z.string().regex(/^0x[0-9a-f]{64}$/),
  steps: z.array(step),
  /** Once everything is deployed. */
  result: z
    .strictObject({
      chainId: z.string(),
      contracts: z.record(z.string(), z.strictObject({ address, codeHash: z.string() })),
      keys: z.array(
        z.strictObject({
          size: z.enum(BOARD_SIZES),
          family: z.enum(["account", "settlement", "lot", "round"]),
          circuit: z.custom<CircuitName>((name) => CIRCUITS.includes(name as CircuitName), "expected a circuit"),
          origin: z.enum(KEY_ORIGINS),
          sha256: z.string(),
          keyHash: z.string(),
          page: address,
        }),
      ),
    })
    .optional(),
  /** Once the board is open: its number, its policy's, and the contracts that the deployment made within others. */
  board: z
    .strictObject({ board: z.string(), policyId: z.string(), points: address, sources: address, gate: address })
    .optional(),
});

/**
 * What has been deployed, written after each transaction: from it an interrupted deployment goes on.
 * @see docs/library.md#on-chain
 */
export interface DeploymentRecord extends Omit<z.infer<typeof record>, "steps"> {
  readonly steps: readonly DeploymentStep[];
}

function read<T>(schema: z.ZodType<T>, text: string, file: string): T {
  return conform(schema, parseJson(text, file, { length: 1_000_000, values: 20_000 }).plain(), { file });
}

/**
 * Reads the parameters of a deployment. The sequencer has to be written out, an address or `none`. Throws FIELD_INVALID.
 * @see docs/library.md#on-chain
 */
export function readDeploymentRequest(text: string, file: string): DeploymentRequest {
  const { sizes, board, operatorDeadlineSeconds, timelockSeconds, ...parameters } = read(request, text, file);
  return {
    sizes,
    parameters: {
      ...parameters,
      boardSize: board,
      operatorDeadline: operatorDeadlineSeconds,
      timelock: timelockSeconds,
    },
  };
}

/**
 * Reads a record that `deploySystem` wrote. Throws FIELD_INVALID.
 * @see docs/library.md#on-chain
 */
export const readDeploymentRecord = (text: string, file: string): DeploymentRecord => read(record, text, file);

/** Hash of what is deployed. Keys by the SHA-256 of their files. */
export const requestHash = ({ sizes, parameters }: DeploymentRequest, keys: readonly string[]): string =>
  id(JSON.stringify([sizes, parameters, keys], (_, value) => (typeof value === "bigint" ? `${value}` : value)));
