// SPDX-License-Identifier: GPL-3.0-or-later
/** To make an auditor's public key, with the proof that its maker has the secret. */
import { type AuditorKey, draftAuditorKey, POSSESSION_CIRCUIT, POSSESSION_SIZE } from "../document/auditor-key.ts";
import type { FieldElement } from "../field.ts";
import { label } from "../formats/labels.ts";
import { commitAuditorSecret } from "../model/commit.ts";
import type { ProveOptions, Prover } from "../prove/prover.ts";

/**
 * The public key of a secret. Throws `FIELD_INVALID` for a holder that is not 1 to 200 visible characters, and as
 * `Prover.simulate`.
 *
 *   const secret = readAuditorSecret({ text: newAuditorSecret(), file: "auditor.secret" });
 *   const key = await makeAuditorKey({ prover }, { secret, holder: "Aldgate & Partners" });
 */
export async function makeAuditorKey(
  machine: ProveOptions & { readonly prover: Prover },
  { secret, holder }: { readonly secret: FieldElement; readonly holder: string },
): Promise<AuditorKey> {
  const { prover } = machine;
  const terms = { holder: label(holder, "holder"), key: commitAuditorSecret(secret).toString() };
  const { draft, claim } = draftAuditorKey(terms, await prover.key(POSSESSION_CIRCUIT));
  const { auditor: _, ...simulated } = claim;
  const { proof } = await prover.simulate({ ...simulated, size: POSSESSION_SIZE, secret }, machine);
  return { ...draft, possession: proof };
}
