import { parentPort, workerData } from 'node:worker_threads';
import { LicensingError } from '@keyhaven/core/errors';
import { processStart } from '../machine/index.ts';
import { adminAddressFrom, loadNearSettings, openNearLm, thisNearPlace } from '../near/index.ts';
import type { Fault, FromThread, Start, ToThread } from './messages.ts';
import { PortStream } from './port-stream.ts';

// The thread of an Integrated LM. What it cannot go on after it does not catch: then the application fails with it (T4).

const open = async ({ vendor, directory, beside, overrides }: Start) => {
  try {
    const application = { pid: process.pid, start: processStart(process.pid) ?? 0 };
    const { settings, file = '', notes } = await loadNearSettings(vendor, thisNearPlace(beside), overrides);
    return await openNearLm({
      kind: 'integrated',
      vendor,
      directory,
      settings,
      notes: { file, notes },
      adminAddress: adminAddressFrom(process.env),
      application,
    });
  } catch (error) {
    if (error instanceof LicensingError) return error;
    throw error;
  }
};

const faultOf = ({ status, detail, remedy }: LicensingError): Fault => ({ status, detail, remedy });

const run = async (port: NonNullable<typeof parentPort>, start: Start): Promise<void> => {
  const say = (message: FromThread): void => port.postMessage(message);
  const opened = await open(start);
  if (opened instanceof LicensingError) return say({ kind: 'refused', fault: faultOf(opened) });
  const streams = new Set<PortStream>(); // BOUNDED by the connections of the application

  const close = async (): Promise<void> => {
    let fault: Fault | undefined;
    try {
      await opened.close();
    } catch (error) {
      if (!(error instanceof LicensingError)) throw error;
      fault = faultOf(error);
    }
    say({ kind: 'closed', fault });
    // Nothing is left that the thread would live for.
    for (const stream of streams) stream.destroy();
    port.close();
  };
  // As long as it listens here, the thread lives.
  port.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'connect': {
        const stream = new PortStream(message.port);
        streams.add(stream);
        stream.once('close', () => streams.delete(stream));
        opened.serve(stream);
        return;
      }
      case 'close':
        void close();
        return;
    }
  });
  say({ kind: 'ready', guid: opened.guid });
};

if (parentPort !== null) await run(parentPort, workerData as Start); // given by index.ts
