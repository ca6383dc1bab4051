// SPDX-License-Identifier: GPL-3.0-or-later
/** Writes accounts of an invented venue: `node scripts/book/accounts.ts 20000 accounts.ndjson [seed]`; packed where the name ends in `.gz`. */
import { sampleVenue, writeAccounts } from "../../test/support/venue-accounts.ts";

const [count, file, seed] = process.argv.slice(2);
if (count === undefined || file === undefined) throw new Error("expected a count and a file");
await writeAccounts(file, sampleVenue(), Number(count), seed === undefined ? undefined : Number(seed));
