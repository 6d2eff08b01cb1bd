import { join } from 'node:path';
import type { Clock } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import type { Keystore } from './keystore/index.ts';
import type { Lm, LmEvent } from './lm/index.ts';
import type { Settings } from './settings.ts';
import { type DropFolder, openDropFolder, vendorInText } from './updates/index.ts';

/** The folder whose license files are applied by themselves; each with its result in the audit and the log (C5). */
export const openAdminDropFolder = (options: {
  readonly lm: Lm;
  readonly ledger: Ledger;
  readonly keystore: Keystore;
  readonly settings: Settings;
  readonly stateDirectory: string;
  readonly clock: Clock;
  readonly onEvent: (event: LmEvent) => void;
}): Promise<DropFolder> => {
  const { lm, ledger, keystore, settings, stateDirectory, clock, onEvent } = options;
  return openDropFolder({
    directory: settings.updates.folder ?? join(stateDirectory, 'installed'),
    clock,
    apply: lm.apply,
    vendorOf: (key) => keystore.get(key)?.identity.vendor,
    vendorIn: vendorInText,
    async onFile(file) {
      onEvent({ level: file.result === 'refused' ? 'warn' : 'info', event: 'license file', ...file });
      const entry = { kind: file.result === 'refused' ? 'file refused' : 'file applied', scope: 'lm', detail: file };
      await ledger.update([], () => ({ changes: [], audit: [entry], reply: undefined }));
    },
    onProblem: (problem, error) => onEvent({ level: 'warn', event: problem, error }),
  });
};
