// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * Changes the public file of a book, a thousand times by default (`node scripts/fuzz/books.ts [count] [seed]`), and puts each through
 * the verifier of books. Whatever is accepted must say what the book said. Proofs are made under a key whose trapdoor is known.
 */
import { bookText } from "../../prover/src/document/book/head.ts";
import { bookMutations } from "../../test/support/book-mutations.ts";
import { seededRng } from "../../test/support/random.ts";
import { accountsOf, proveSteps, publicFile, venueBook, verdictOn } from "../../test/support/venue-books.ts";

const [count = "1000", seed = "1"] = process.argv.slice(2);
const book = await venueBook(accountsOf(60, Number(seed)));
const bytes = await publicFile(book, await proveSteps(book));
const changes = bookMutations(bytes, seededRng(Number(seed)));
const codes = new Map<string, number>();
let wrong = 0;
for (let at = 0; at < Number(count); at++) {
  const { what, bytes: changed, same } = changes.next().value!;
  const verdict = await verdictOn(changed);
  const code = verdict.ok ? "accepted" : verdict.reason;
  codes.set(code, (codes.get(code) ?? 0) + 1);
  const says = verdict.ok && bookText(verdict.head) === bookText(book.head);
  if (verdict.ok !== same || (verdict.ok && !says)) {
    wrong++;
    console.error(`change ${at} (${what}): ${code}`);
  }
}
console.log(`${count} changed files, ${wrong} judged wrongly`);
for (const [code, times] of [...codes].sort()) console.log(`  ${code}: ${times}`);
if (wrong > 0) process.exitCode = 1;
