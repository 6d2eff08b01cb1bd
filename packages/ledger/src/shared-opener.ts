import { createSecretKey } from 'node:crypto';
import { LicensingError } from '@keyhaven/core/errors';
import { wall } from '@keyhaven/core/time';
import { openSharedLedger } from './shared.ts';

// The process that shared-disk.test.ts runs as a user without privileges: opens the ledger, writes once, and says what came of it.

const [directory = ''] = process.argv.slice(2);

async function attempt(): Promise<object> {
  try {
    const ledger = await openSharedLedger({ directory, now: () => wall(0), authenticationKey: createSecretKey(Buffer.alloc(32, 1)) });
    await ledger.update([], () => ({ changes: [{ key: 'a/b/c', row: {} }], audit: [], reply: 0 }));
    await ledger.close();
    return { name: 'OK' };
  } catch (error) {
    if (!(error instanceof LicensingError)) throw error;
    return { name: error.name, message: error.message, remedy: error.remedy };
  }
}

process.stdout.write(JSON.stringify(await attempt()));
