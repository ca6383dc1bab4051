// SPDX-License-Identifier: GPL-3.0-or-later
/** Opening the board of a recorded deployment: checked first, recorded after each step, and taken up again where it stopped. */
import { AbstractSigner, type Provider, type Signer, type TransactionRequest, type TransactionResponse } from "ethers";
import { attachDeployment } from "../chain/attach-deployment.ts";
import type { DeploymentRecord } from "../chain/deployment-file.ts";
import { type BoardOpening, openBoard, openedBoard } from "../chain/open-board.ts";
import { PlimsollError } from "../errors.ts";
import type { CircuitName } from "../statement/families.ts";

/**
 * What opening a board needs of the machine.
 * @see docs/library.md#on-chain
 */
export interface BoardMachine {
  /** The account that deployed. */
  readonly deployer: Signer;
  /** Makes the links of a circuit. */
  readonly makerOf: BoardOpening["makerOf"];
  /** Of the deployment. */
  readonly record: DeploymentRecord;
  /** Keeps the record; called after each transaction is sent, and at the end. */
  readonly save: (record: DeploymentRecord) => Promise<void>;
  /** Called before each transaction with what it does. */
  readonly onStep?: (what: string) => void;
}

/**
 * Opens board 1 of a recorded deployment, closes the queue and seals the gate. @returns the record, with what was opened
 *
 * What the chain has already is not done again. Throws, before the first transaction, FIELD_INVALID for a record that is not whole, of
 * another chain or deployer, or whose contracts are not the chain's; as `openBoard` later.
 * @see docs/library.md#on-chain
 */
export async function openRecordedBoard(
  machine: BoardMachine,
  request: Pick<BoardOpening, "policy" | "rules" | "sources">,
): Promise<DeploymentRecord> {
  const { deployer, makerOf, save, onStep = () => {} } = machine;
  let { record } = machine;
  const refused = (field: string, rule: string) => new PlimsollError("FIELD_INVALID", rule, { field });
  if (record.result === undefined) {
    throw refused("result", "the deployment is not finished; run plimsoll deploy with this record again");
  }
  const provider = deployer.provider!;
  if (`${(await provider.getNetwork()).chainId}` !== record.chainId) {
    throw refused("chainId", "the record is of a deployment on another chain");
  }
  if ((await deployer.getAddress()) !== record.deployer) {
    throw refused("deployer", "the record is of a deployment by another account, which has to open the board");
  }
  let doing = "";
  const recording = new Recording(deployer, provider, async (transaction) => {
    record = { ...record, steps: [...record.steps, { what: doing, transaction }] };
    await save(record);
  });
  const deployment = await attachDeployment(record.result, recording);
  const makers = new Map<CircuitName, ReturnType<typeof makerOf>>();
  const once = (circuit: CircuitName) => {
    const made = makers.get(circuit) ?? makerOf(circuit);
    makers.set(circuit, made);
    return made;
  };
  await openBoard(deployment, { ...request, size: deployment.boardSize, makerOf: once }, (what) => {
    doing = what;
    onStep(what);
  });
  record = { ...record, board: await openedBoard(deployment) };
  await save(record);
  return record;
}

/** Tells of every transaction as it is sent. */
class Recording extends AbstractSigner<Provider> {
  readonly #signer: Signer;
  readonly #onSent: (transaction: string) => Promise<void>;

  constructor(signer: Signer, provider: Provider, onSent: (transaction: string) => Promise<void>) {
    super(provider);
    [this.#signer, this.#onSent] = [signer, onSent];
  }
  getAddress = () => this.#signer.getAddress();
  connect = (provider: Provider | null) => new Recording(this.#signer, provider ?? this.provider, this.#onSent);
  signTransaction = (request: TransactionRequest) => this.#signer.signTransaction(request);
  signMessage = (message: string | Uint8Array) => this.#signer.signMessage(message);
  signTypedData: AbstractSigner["signTypedData"] = (...typed) => this.#signer.signTypedData(...typed);
  override async sendTransaction(request: TransactionRequest): Promise<TransactionResponse> {
    const response = await this.#signer.sendTransaction(request);
    await this.#onSent(response.hash);
    return response;
  }
}
