import { join } from 'node:path';
import { type Computer, createLauncher, KEYHAVEN } from './computers.ts';
import { awaitReady, keyhaven } from './license-manager.ts';
import type { Teller } from './teller.ts';
import { createDemoVendor, FEATURE } from './vendor.ts';

// After the story: an Admin LM of the real computer with a licensed demo key and an application that uses it, until somebody stops it. It
// listens on 127.0.0.1 only, so that a demonstration does not show up on the network.

const ADDRESS = '127.0.0.1';
const PORT = 1947;

export type Page = { readonly url: string; close(): Promise<void>; readonly ended: Promise<unknown> };

export const servePage = async (directory: string, { step }: Teller): Promise<Page> => {
  const launcher = createLauncher();
  const lm = `${ADDRESS}:${PORT}`;
  const computer: Computer = {
    name: 'this computer',
    address: ADDRESS,
    lm,
    lmArguments: ['--bind', ADDRESS, '--port', String(PORT)],
    directory,
    start: (script, args) => launcher.start(script, args, { KEYHAVEN_LOCAL_LM: lm }),
  };
  try {
    const running = await step(
      `serve http://${lm}`,
      async () => awaitReady(await computer.start(KEYHAVEN, ['lm', '--state', join(directory, 'state'), ...computer.lmArguments])),
      ({ pid }) => `this computer: Admin LM runs as process ${pid} on ${lm}`,
    );
    const vendor = await createDemoVendor(join(directory, 'vendor'));
    const [c2v, v2c] = [join(directory, 'key.c2v'), join(directory, 'license.v2c')];
    await keyhaven(computer, 'c2v', '--vendor-code', vendor.vendorCode, '--out', c2v);
    const { key } = await vendor.issue(c2v, v2c);
    await step(
      'license a demo key',
      () => keyhaven(computer, 'apply', v2c),
      () => `this computer: demo key ${key} is licensed; vendor code ${vendor.vendorCode}`,
    );
    const application = await launcher.start(join(import.meta.dirname, 'application.ts'), [vendor.vendorCode, String(FEATURE)], {
      KEYHAVEN_LOCAL_LM: lm,
    });
    await step(
      'use the demo key',
      () => application.nextLine(),
      () => `this computer: application ${application.pid} uses feature ${FEATURE}`,
    );
    return { url: `http://${lm}`, ended: running.program.exited, close: () => launcher.close() };
  } catch (error) {
    await launcher.close();
    throw error;
  }
};
