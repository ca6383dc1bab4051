// SPDX-License-Identifier: GPL-3.0-or-later
/** A gate from its address alone: its desks, its market, its assets, and the words of what they refuse. */
import { Contract, type InterfaceAbi, isAddress, isError, type Provider } from "ethers";
import { PlimsollError } from "../errors.ts";
import { isSymbol } from "../formats/labels.ts";
import { BOARD_SIZES, type BoardSize, CASH_INDEX, instrumentsOf } from "../model/sizes.ts";
import { type ContractName, releasedContract } from "./deploy.ts";
import type { VenueDomains } from "./gate-calls.ts";
import { domainOf } from "./publication.ts";
import { refusedWith, toldBy } from "./refusals.ts";

/**
 * A gate that was found on a chain.
 * @see docs/library.md#on-chain
 */
export interface GateView {
  readonly chainId: bigint;
  readonly address: string;
  readonly board: bigint;
  readonly size: BoardSize;
  readonly gate: Contract;
  readonly exchange: Contract;
  readonly clearing: Contract;
  readonly liquidation: Contract;
  readonly fund: Contract;
  /** The price oracle. */
  readonly market: Contract;
  readonly domains: VenueDomains;
  /** Told how far a search through the chain's events is. */
  readonly onStep: ((what: string) => void) | undefined;
  /** Does work with contracts; what they or the node refuse is told in words (`CALL_REFUSED`, `CHAIN_FAILED`). */
  told<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * An asset that a gate takes.
 * @see docs/library.md#an-account-on-chain
 */
export interface AssetView {
  readonly index: number;
  readonly token: string;
  /** The token's own word for itself. */
  readonly symbol: string;
  /** Units of the token in a lot. */
  readonly lot: bigint;
  readonly lotDecimals: number;
}

const DESKS = ["Exchange", "Clearing", "Liquidation", "Fund"] as const;
const TOKEN = [
  "function symbol() view returns (string)",
  "function decimals() view returns (uint8)",
  "function balanceOf(address) view returns (uint256)",
  "function allowance(address, address) view returns (uint256)",
  "function approve(address, uint256) returns (bool)",
];
const ABIS = ["MarginGate", "Exchange", "Clearing", "Liquidation", "PriceOracle", "AccountVerifier", "Vault"] as const;
const NOBODY = 0n;

/**
 * Finds a gate. Throws `CHAIN_FAILED` where the node does not answer, `FIELD_INVALID` where no sealed gate is at the address, or
 * the chain is another than expected.
 * @see docs/library.md#on-chain
 */
export async function gateAt(
  provider: Provider,
  address: string,
  { expectedChain, onStep }: { readonly expectedChain?: bigint | undefined; readonly onStep?: GateView["onStep"] } = {},
): Promise<GateView> {
  const abis = new Map<ContractName, InterfaceAbi>();
  for (const name of ABIS) abis.set(name, (await releasedContract(name)).abi);
  abis.set("Fund", (await releasedContract("Fund")).abi);
  const told = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const all = [...abis.values()];
      // Amounts in a refusal are told in the asset's own decimals, once there is a gate to ask for its assets.
      const assets = refusedWith(error, all) === undefined || view === undefined ? [] : await knownAssets(view);
      throw toldBy(error, all, assets);
    }
  };
  let view: GateView | undefined;
  const at = (name: ContractName, where: string) => new Contract(where, abis.get(name)!, provider);
  const refuse = (rule: string) => new PlimsollError("FIELD_INVALID", rule, { field: "gate" });
  // ethers takes anything else for a name, and asks the chain whose it is.
  if (!isAddress(address)) throw refuse("expected an address: 0x and 40 hexadecimal digits");
  return told(async () => {
    const { chainId } = await provider.getNetwork();
    if (expectedChain !== undefined && chainId !== expectedChain) {
      throw refuse(`the account is on chain ${expectedChain}, and the node is of chain ${chainId}`);
    }
    if ((await provider.getCode(address)) === "0x") throw refuse(`no contract is at ${address} on chain ${chainId}`);
    const gate = at("MarginGate", address);
    const ask = (method: string, ...args: unknown[]) =>
      gate
        .getFunction(method)(...args)
        .catch((error: unknown) => {
          // What is no gate answers with nothing, or reverts; anything else is the node's.
          if (!isError(error, "CALL_EXCEPTION") && !isError(error, "BAD_DATA")) throw error;
          throw refuse(`the contract at ${address} is no gate`);
        });
    const [board, instruments, marketAt] = await Promise.all([ask("board"), ask("instruments"), ask("market")]);
    const size = BOARD_SIZES.find((known) => BigInt(instrumentsOf(known)) === instruments);
    const desks = await Promise.all(DESKS.map((_, desk) => ask("deskOf", desk)));
    if (size === undefined || desks.some((desk) => BigInt(desk) === NOBODY))
      throw refuse("the gate is not in service yet");
    const [exchange, clearing, liquidation, fund] = DESKS.map((name, index) => at(name, desks[index]));
    const name = await gateName(gate);
    view = {
      ...{ chainId, address, board, size, gate, told, onStep },
      ...{ exchange: exchange!, clearing: clearing!, liquidation: liquidation!, fund: fund! },
      market: at("PriceOracle", marketAt),
      domains: {
        gate: { ...domainOf("MarginGate", chainId, address), name },
        exchange: domainOf("Exchange", chainId, desks[0]),
      },
    };
    return view;
  });
}

/** The name that signatures are for: a gate of a rehearsal has another. */
const gateName = async (gate: Contract): Promise<string> => (await gate.getFunction("eip712Domain")()).name;

/** A token, for whom it asks and pays. */
export const tokenOf = ({ gate }: GateView, { token }: Pick<AssetView, "token">): Contract =>
  new Contract(token, TOKEN, gate.runner);

/**
 * All assets that the gate takes, cash last. The names are the tokens' own.
 * @see docs/library.md#on-chain
 */
export async function assetsOf(view: GateView): Promise<AssetView[]> {
  const all = await Promise.all(Array.from({ length: CASH_INDEX + 1 }, (_, index) => assetAt(view, index)));
  return all.filter((asset) => asset !== undefined);
}

/** None where the node does not answer: a refusal is told without them. */
const knownAssets = (view: GateView): Promise<AssetView[]> => assetsOf(view).catch(() => []);

async function assetAt(view: GateView, index: number): Promise<AssetView | undefined> {
  const { token, lot } = await view.gate.getFunction("assets")(index);
  if (BigInt(token) === NOBODY) return undefined;
  const contract = tokenOf(view, { token });
  const [symbol, decimals] = await Promise.all([
    // A token may say anything: what is no symbol stays unnamed.
    contract
      .getFunction("symbol")()
      .then(
        (text: string) => (isSymbol(text) ? text : "unnamed"),
        () => "unnamed",
      ),
    contract.getFunction("decimals")(),
  ]);
  return { index, token, symbol, lot, lotDecimals: Number(decimals) - (`${lot}`.length - 1) };
}

/**
 * The asset that a person names: `cash`, its index, or the symbol of its token. Throws `UNKNOWN_NAME`.
 * @see docs/library.md#on-chain
 */
export async function assetNamed(view: GateView, name: string): Promise<AssetView> {
  const index = name === "cash" ? CASH_INDEX : /^(0|[1-9][0-9]?)$/.test(name) ? Number(name) : undefined;
  const assets = await view.told(() => assetsOf(view));
  const found = assets.filter((asset) => (index === undefined ? asset.symbol === name : asset.index === index));
  if (found.length === 1) return found[0]!;
  const why =
    found.length > 1 ? "two tokens have this symbol: name the asset by its number" : "the gate takes no such asset";
  throw new PlimsollError("UNKNOWN_NAME", `${why}; status lists those it takes`, { field: "asset" });
}
