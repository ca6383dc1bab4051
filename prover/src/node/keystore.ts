// SPDX-License-Identifier: GPL-3.0-or-later
/** Encrypted keys (Web3 secret storage, version 3), and passphrases that are in no command line and no environment. */
import type { Wallet } from "ethers";
import { PlimsollError } from "../errors.ts";
import type { NamedText } from "../formats/account.ts";
import { writeSecret } from "./files.ts";

/** Shortest passphrase of a key that is made here. */
const SHORTEST = 12;

/** A passphrase: the first line. Throws `FIELD_INVALID` where that is empty. */
export function readPassphrase({ text, file }: NamedText): string {
  const [line] = text.split(/\r?\n/);
  if (line !== undefined && line !== "") return line;
  throw new PlimsollError("FIELD_INVALID", "expected a passphrase on the first line", { file });
}

/** Throws `FIELD_INVALID` where a text is no keystore. */
export async function checkKeystore({ text, file }: NamedText): Promise<void> {
  const { isKeystoreJson } = await import("ethers");
  if (isKeystoreJson(text)) return;
  throw new PlimsollError("FIELD_INVALID", "expected an encrypted key (JSON keystore, version 3)", { file });
}

/**
 * The key of a keystore. Throws `FIELD_INVALID` where the text is none, or the passphrase is another.
 * @see docs/library.md#an-account-on-chain
 */
export async function openKeystore(keystore: NamedText, passphrase: string): Promise<Wallet> {
  await checkKeystore(keystore);
  const { Wallet } = await import("ethers");
  const { text, file } = keystore;
  try {
    const opened = await Wallet.fromEncryptedJson(text, passphrase);
    return new Wallet(opened.privateKey);
  } catch {
    throw new PlimsollError("FIELD_INVALID", "the passphrase does not open the key, or the file is damaged", { file });
  }
}

/** Makes a key in a new file, encrypted. Throws `FILE`; `FIELD_INVALID` for a short passphrase. @returns its address */
export async function newKeystore(file: string, passphrase: string): Promise<string> {
  if (passphrase.length < SHORTEST) {
    throw new PlimsollError("FIELD_INVALID", `expected a passphrase of at least ${SHORTEST} characters`);
  }
  const { Wallet } = await import("ethers");
  const wallet = new Wallet(Wallet.createRandom().privateKey);
  await writeSecret(file, `${await wallet.encrypt(passphrase)}\n`);
  return wallet.address;
}
