import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError, type StatusCode, statusOf } from '@keyhaven/core/errors';
import type { Clock } from '@keyhaven/core/time';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import type { TestContext } from 'vitest';
import { lmAddressFrom, ownIdentity, systemEntropy } from '../../packages/licensing-api/src/environment.ts';

// Real license managers in this process and applications of them, each ended with the test that made it.

const tests = new AsyncLocalStorage<TestContext>();
/** When the test is over, the last one first; tests run side by side. */
export const atTheEnd = (end: () => unknown): void => tests.getStore()?.onTestFinished(async () => void (await end()));
export const within = <T>(test: TestContext, work: () => T): T => tests.run(test, work);

/** What a failure says, 0 where there is none; a number is an answer that holds a status. */
export const outcomeOf = async (work: () => unknown): Promise<number> => {
  try {
    const value = await work();
    return typeof value === 'number' ? value : 0;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
};

const features = `
    features:
      - { id: 42, license: { type: perpetual }, concurrency: { seats: 1, network: true }, detachable: true }
      - { id: 43, license: { type: executions, count: 3 } }
      - { id: 44, license: { type: expiration, until: 2026-11-01 } }
      - { id: 45, license: { type: perpetual } }
    memory: { readWrite: 64, readOnly: 16 }
`;
/** Sells a seat of 42, three executions of 43, the past of 44, and products that may move and be lent. */
export const vendorOf = (id = 7, more = '') =>
  createTestVendor(`products:\n  - id: 1\n    name: Survey\n    rehost: true${features}${more}`, id);
export type Vendor = ReturnType<typeof vendorOf>;

export const temporaryDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-errors-'));
  atTheEnd(() => rm(directory, { recursive: true, force: true }));
  return directory;
};

export type StartOptions = {
  readonly settings?: string;
  readonly directory?: string;
  readonly marks?: readonly string[];
  readonly clock?: Clock;
};
export const startLm = async ({ settings = '', directory, marks, clock }: StartOptions = {}) => {
  const port = await freeTcpPort();
  const stateDirectory = directory ?? (await temporaryDirectory());
  const lm = await startAdminLm({
    settings: parseSettings(settings, { bind: ['127.0.0.1'], port, name: 'errors', search: { broadcast: false } }),
    stateDirectory,
    ...(marks === undefined ? {} : { machineMarks: marks }),
    ...(clock === undefined ? {} : { clock }),
  });
  atTheEnd(() => lm.close());
  /** The admin API. @throws LicensingError with the status of the answer */
  const ask = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: string | object): Promise<string> => {
    const headers = { connection: 'close', 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const init = body === undefined ? { method } : { method, headers, body: text };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    const answer = await response.text();
    if (response.status === 200) return answer;
    const { code, message } = JSON.parse(answer) as { code: number; message: string };
    throw new LicensingError(statusOf(code) as StatusCode, { detail: message });
  };
  const c2v = (vendor: Vendor): Promise<string> => ask('POST', '/api/v1/c2v', { vendorCode: vendor.vendorCode });
  const apply = async (document: string): Promise<string> =>
    (JSON.parse(await ask('POST', '/api/v1/apply', document)) as { key: string }).key;
  return {
    lm,
    port,
    stateDirectory,
    ask,
    c2v,
    apply,
    license: async (vendor: Vendor): Promise<string> => apply(vendor.issue(await c2v(vendor))),
    application: (): Licensing => applicationAt(port),
  };
};

export const applicationAt = (port: number): Licensing => {
  const licensing = createLicensing(lmAddressFrom(`127.0.0.1:${port}`), ownIdentity(), systemEntropy);
  atTheEnd(() => licensing.close());
  return licensing;
};

/** An LM with one licensed key, an application of it and a session. */
export const startWorking = async (options: StartOptions = {}) => {
  const site = await startLm(options);
  const vendor = vendorOf();
  const key = await site.license(vendor);
  const application = site.application();
  return {
    ...site,
    key,
    vendor,
    api: application,
    login: (feature: number, more: object = {}) => application.login({ vendorCode: vendor.vendorCode, feature, ...more }),
  };
};
