import { Buffer } from 'node:buffer';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writer } from '@keyhaven/core/bytes';
import { secretKey } from '@keyhaven/core/crypto';
import type { StatusName } from '@keyhaven/core/errors';
import { parseFormat } from '@keyhaven/core/format';
import { readReplies, trustCertificate } from '@keyhaven/core/session';
import { mono, wall } from '@keyhaven/core/time';
import {
  createListeningConnection,
  decodeToApplication,
  encodeToLm,
  FrameDecoder,
  LOCAL_VERSIONS,
  MAX_CHANNELS,
  MAX_FRAME,
} from '@keyhaven/core/wire';
import { openSqliteLedger } from '@keyhaven/ledger';
import { loadSettings } from '@keyhaven/license-manager';
import { openBinding, systemEntropy } from '@keyhaven/license-manager/machine';
import { createHttpPost } from '@keyhaven/license-manager/peers';
import { datetimeToHasptime } from '@keyhaven/licensing-api';
import { freeTcpPort } from '@keyhaven/testkit/local-lm';
import { initVendor, unlockVendor } from '@keyhaven/vendor-tools';
import { applicationAt, atTheEnd, startLm, startWorking, temporaryDirectory, vendorOf } from './lms.ts';

// Statuses of requests, of the ways to a key and of what stands on the disk: each through the door where people meet it.

const hello = { kind: 'hello', pid: 1, start: 1, user: 'ada', host: 'here', application: 'survey' } as const;
/** What an application of these versions is told before it is turned away. */
const farewellTo = (from: number, to: number, opened = 0): number => {
  const connection = createListeningConnection(mono(0), { guid: 'G'.repeat(40), hostname: 'here', idleMs: 600_000 });
  connection.receive(mono(1), encodeToLm({ ...hello, from, to }));
  for (let channel = 1; channel <= opened; channel += 1)
    connection.receive(mono(1), encodeToLm({ kind: 'open', channel, key: '1', lm: '', opening: Buffer.alloc(0) }));
  const [frame] = new FrameDecoder(MAX_FRAME).push(connection.farewell ?? Buffer.alloc(0));
  const message = frame === undefined ? undefined : decodeToApplication(frame);
  return message?.kind === 'refused' ? message.status : 0;
};

export const ofRequests: Partial<Record<StatusName, () => unknown>> = {
  OK: async () => {
    const session = await (await startWorking()).login(42);
    await session.logout();
  },
  MEM_RANGE: async () => (await (await startWorking()).login(42)).read({ file: 0xfff4, offset: 60, length: 5 }),
  TMOF: () => farewellTo(LOCAL_VERSIONS.from, LOCAL_VERSIONS.to, MAX_CHANNELS + 1),
  ACCESS_DENIED: async () => (await (await startWorking()).login(42)).write({ file: 0xfff5, offset: 0, data: Buffer.of(1) }),
  INCOMPAT_FEATURE: async () => {
    const { login } = await startWorking();
    const sealed = await (await login(45)).encrypt(Buffer.alloc(32));
    return (await login(42)).decrypt(sealed);
  },
  KEY_NOT_FOUND: async () => (await startLm()).application().login({ vendorCode: vendorOf().vendorCode, feature: 0 }),
  TOO_SHORT: async () => (await (await startWorking()).login(42)).encrypt(Buffer.alloc(15)),
  INV_HND: async () => (await startLm()).ask('DELETE', `/api/v1/sessions/${'a'.repeat(32)}`),
  INV_FILEID: async () => (await (await startWorking()).login(42)).read({ file: 3, offset: 0, length: 1 }),
  OLD_DRIVER: () => farewellTo(0, 0),
  SYS_ERR: async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'file'), '');
    return openBinding(join(directory, 'file'), systemEntropy);
  },
  INV_FORMAT: () => parseFormat('<haspformat format="colour"/>'),
  REQ_NOT_SUPP: async () => (await startLm()).ask('POST', '/api/v1/c2v', { vendorCode: vendorOf().vendorCode, type: 'sl-usermode' }),
  INV_TIME: () => datetimeToHasptime({ year: 2027, month: 2, day: 29, hour: 0, minute: 0, second: 0 }),
  INV_VCODE: async () => (await startLm()).application().login({ vendorCode: 'none', feature: 0 }),
  FEATURE_NOT_FOUND: async () => (await startWorking()).login(99),
  LOCAL_COMM_ERR: async () => applicationAt(await freeTcpPort()).login({ vendorCode: vendorOf().vendorCode, feature: 0 }),
  UNKNOWN_VCODE: async () => (await startWorking()).api.login({ vendorCode: vendorOf(7).vendorCode, feature: 42 }),
  INV_SPEC: () => parseFormat('<haspformat'),
  INV_SCOPE: async () => (await startWorking()).login(42, { scope: '<haspscope><colour/></haspscope>' }),
  TOO_MANY_KEYS: async () => {
    const { api, vendor, license, lm } = await startWorking();
    // A key that has its license counts no more as the one to be licensed.
    await license(vendor);
    if (lm.status().keys !== 2) throw new Error('not two keys');
    return api.information({ vendorCode: vendor.vendorCode, format: 'updateinfo' });
  },
  TOO_MANY_USERS: async () => {
    const { login } = await startWorking();
    await login(42);
    return login(42);
  },
  REMOTE_COMM_ERR: async () => {
    const { post, close } = createHttpPost();
    atTheEnd(close);
    return post({ host: '127.0.0.1', port: await freeTcpPort() }, '/lm/v1/hello', '');
  },
  FEATURE_EXPIRED: async () => (await startWorking()).login(44),
  OLD_LM: () => farewellTo(LOCAL_VERSIONS.to + 1, LOCAL_VERSIONS.to + 3),
  DEVICE_ERR: async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'file'), '');
    return openSqliteLedger({
      directory: join(directory, 'file', 'state'),
      now: () => wall(0),
      authenticationKey: secretKey(Buffer.alloc(32)),
    });
  },
  SCHAN_ERR: () => trustCertificate(Buffer.from('no certificate'), { vendor: 7, publicKey: Buffer.alloc(32) }, '1'),
  STORAGE_CORRUPT: async () => {
    const directory = await temporaryDirectory();
    await openBinding(directory, systemEntropy);
    await writeFile(join(directory, 'identity'), 'nonsense');
    return openBinding(directory, systemEntropy);
  },
  SCOPE_RESULTS_EMPTY: async () => (await startWorking()).login(42, { scope: '<haspscope><hasp id="9"/></haspscope>' }),
  HARDWARE_MODIFIED: async () => {
    const directory = await temporaryDirectory();
    await openBinding(directory, systemEntropy, ['id:one']);
    return startLm({ directory, marks: ['id:other'] });
  },
  USER_DENIED: async () => (await startWorking({ settings: '[access]\nusers = ["deny=*,feature:42"]' })).login(42),
  CANNOT_READ_FILE: async () => loadSettings(join(await temporaryDirectory(), 'missing.toml')),
  FEATURE_INSUFFICIENT_EXECUTION_COUNT: async () => (await startWorking()).login(43, { executions: 4 }),
  SHARING_VIOLATION: async () => {
    const { stateDirectory } = await startLm();
    return startLm({ directory: stateDirectory });
  },
  KILLED_SESSION: async () => {
    const { ask, login } = await startWorking();
    const session = await login(42);
    await ask('DELETE', `/api/v1/sessions/${session.id}`);
    return session.size(0xfff4);
  },
  IDENTITY_UNAUTHENTICATED: async () => {
    const directory = join(await temporaryDirectory(), 'vendor');
    await initVendor(directory, { id: 7, name: 'Vendor', passphrase: 'the right one' });
    return unlockVendor(directory, 'wrong');
  },
  INVALID_PARAMETER: async () => (await startWorking()).login(2 ** 32),
  ALREADY_LOGGED_OUT: async () => {
    const session = await (await startWorking()).login(42);
    await session.logout();
    return session.size(0xfff4);
  },
  // A reply with a status that no version knows.
  INT_ERR: () => readReplies(new Writer(16).u32(6).u32(1).u16(0xfffe).done())[0]?.status,
};
