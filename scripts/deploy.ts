// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Deploys the whole system from a file of parameters, and prints addresses and hashes as JSON.
 *
 *   node scripts/deploy.ts parameters.json --rpc http://127.0.0.1:8545
 *
 * The node's first account pays and owns everything until `owner` accepts it; with PLIMSOLL_DEPLOYER_KEY set (a private key,
 * in the environment so that no command line shows it) that account does. The same file serves several chains.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { JsonRpcProvider, NonceManager, Wallet } from "ethers";
import { z } from "zod";
import { deploy, deploymentRecord } from "../prover/src/chain/deploy.ts";
import { EXIT, PlimsollError } from "../prover/src/errors.ts";
import { BOARD_SIZES } from "../prover/src/model/sizes.ts";
import { loadVerificationKey } from "../prover/src/node/artifacts.ts";
import { circuitOf } from "../prover/src/statement/families.ts";

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const whole = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,17})$/)
  .transform(BigInt);
const format = z.strictObject({
  sizes: z.array(z.enum(BOARD_SIZES)).min(1),
  owner: address,
  guardian: address,
  operator: address,
  operatorDeadlineSeconds: whole,
  reporters: z.array(address).min(1),
  quorum: whole,
  timelockSeconds: whole,
  maxMoveBps: whole,
  sequencer: address.optional(),
  assets: z.array(
    z.strictObject({ index: z.int().min(0).max(15), token: address, lotDecimals: z.int().min(0).max(8) }),
  ),
});

try {
  const { values, positionals } = parseArgs({ options: { rpc: { type: "string" } }, allowPositionals: true });
  const [file] = positionals;
  if (file === undefined || positionals.length !== 1 || values.rpc === undefined) {
    throw new PlimsollError("USAGE", "usage: node scripts/deploy.ts PARAMETERS.json --rpc URL");
  }
  const parsed = format.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new PlimsollError("FIELD_INVALID", issue!.message, { file, field: issue!.path.join(".") });
  }
  const { sizes, operatorDeadlineSeconds, timelockSeconds, sequencer, ...parameters } = parsed.data;
  const provider = new JsonRpcProvider(values.rpc, undefined, { batchMaxCount: 1 });
  const secret = process.env.PLIMSOLL_DEPLOYER_KEY;
  const deployer = new NonceManager(secret === undefined ? await provider.getSigner(0) : new Wallet(secret, provider));
  const deployment = await deploy({
    deployer,
    keys: await Promise.all(sizes.map((size) => loadVerificationKey(size))),
    settlementKeys: await Promise.all(sizes.map((size) => loadVerificationKey(circuitOf("settlement", size)))),
    parameters: {
      ...parameters,
      ...(sequencer === undefined ? {} : { sequencer }),
      operatorDeadline: operatorDeadlineSeconds,
      timelock: timelockSeconds,
    },
    onStep: (what) => process.stderr.write(`${what}\n`),
  });
  process.stdout.write(`${JSON.stringify(await deploymentRecord(deployment), null, 2)}\n`);
  provider.destroy();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = error instanceof PlimsollError ? error.exitCode : EXIT.internal;
}
