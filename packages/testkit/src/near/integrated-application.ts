import { duplexPair } from 'node:stream';
import { systemEntropy } from '@keyhaven/license-manager/machine';
import { type NearLm, openNearLm } from '@keyhaven/license-manager/near';
import { createLicensing, type Licensing, type NearSurroundings, systemSurroundings } from '@keyhaven/licensing-api/licensing';
import { asLmSocket } from './near-application.ts';

// An application in this process whose Integrated LM is in this thread, and whose Admin LM is at a port: it selects between them as applications do.

export type IntegratedApplication = {
  readonly licensing: Licensing;
  /** How often it opened its Integrated LM. */
  opened(): number;
  close(): Promise<void>;
};

export const startIntegratedApplication = (options: {
  /** The store of the user. */
  readonly directory: string;
  readonly adminPort: number;
  /** False: its package brings no Integrated LM. */
  readonly available?: boolean;
}): IntegratedApplication => {
  const opened: NearLm[] = []; // BOUNDED by how often it is opened
  const near: NearSurroundings = {
    look: () => ({
      externalBeside: false,
      integratedAvailable: options.available ?? true,
      userStore: opened.length > 0,
      nearSearch: false,
    }),
    startExternal: () => {
      throw new Error('there is none beside this application');
    },
    async openIntegrated(vendor) {
      const lm = await openNearLm({ kind: 'integrated', vendor, directory: options.directory });
      opened.push(lm);
      return {
        connect() {
          const [here, there] = duplexPair();
          lm.serve(there);
          return asLmSocket(here);
        },
        close: () => lm.close(),
      };
    },
  };
  const identity = { pid: process.pid, start: 1, user: 'ada', host: 'here', application: 'survey' };
  const licensing = createLicensing({ host: '127.0.0.1', port: options.adminPort }, identity, systemEntropy, {
    ...systemSurroundings,
    near,
  });
  return {
    licensing,
    opened: () => opened.length,
    async close() {
      licensing.close();
      for (const lm of opened) await lm.close();
    },
  };
};
