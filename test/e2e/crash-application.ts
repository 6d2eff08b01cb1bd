import { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { LicensingError, login, type Session, Status } from '@keyhaven/licensing-api';

// An application for the crash test, told by its parent over IPC. It holds one session all the time, writes rising numbers to its own place
// in the memory of the key, and uses up executions; it tells what it tried and what was acknowledged to it.

export type Orders =
  | { readonly kind: 'begin'; readonly vendorCode: string; readonly held: number; readonly counted: number; readonly offset: number }
  /** Block the event loop until that file is there. */
  | { readonly kind: 'block'; readonly until: string }
  | { readonly kind: 'stop' };

export type State = {
  readonly session: string;
  /** Numbers written to memory. */
  readonly attempted: number;
  readonly acknowledged: number;
  /** Logins that take an execution: sent, granted. */
  readonly logins: number;
  readonly grants: number;
  /** Failures with 33, which a crash may cause. */
  readonly unreachable: number;
  /** Anything else that went wrong. */
  readonly faults: readonly string[];
  readonly phase: 'running' | 'blocked' | 'stopped';
};

const FILE = 0xfff4;

let state: State = { session: '', attempted: 0, acknowledged: 0, logins: 0, grants: 0, unreachable: 0, faults: [], phase: 'running' };
const tell = (change: Partial<State>): void => {
  state = { ...state, ...change };
  process.send?.(state);
};

/** The result, or undefined where the LM was not reachable; whatever else happens is a fault. */
const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LicensingError && error.status === Status.LOCAL_COMM_ERR) tell({ unreachable: state.unreachable + 1 });
    else tell({ faults: [...state.faults, String(error)] });
    await pause(20);
    return undefined;
  }
};

const until = async <T>(work: () => Promise<T>): Promise<T> => {
  for (;;) {
    const result = await attempt(work);
    if (result !== undefined) return result;
  }
};

let stopping = false;

const write = async (session: Session, offset: number): Promise<void> => {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(state.attempted + 1);
  tell({ attempted: state.attempted + 1 });
  const done = await attempt(() => session.write({ file: FILE, offset, data }).then(() => true));
  if (done === true) tell({ acknowledged: data.readUInt32BE() });
};

const count = async (vendorCode: string, feature: number): Promise<void> => {
  tell({ logins: state.logins + 1 });
  const session = await attempt(() => login({ vendorCode, feature }));
  if (session === undefined) return;
  tell({ grants: state.grants + 1 });
  await until(() => session.logout().then(() => true));
};

const run = async (orders: Extract<Orders, { kind: 'begin' }>): Promise<void> => {
  const session = await until(() => login({ vendorCode: orders.vendorCode, feature: orders.held }));
  session.on('lost', (error) => {
    if (error !== undefined && !stopping) tell({ faults: [...state.faults, `lost: ${String(error)}`] });
  });
  tell({ session: session.id });
  while (!stopping) {
    await write(session, orders.offset);
    if (orders.counted !== 0) await count(orders.vendorCode, orders.counted);
    else await pause(20);
  }
  await until(() => session.logout().then(() => true));
  tell({ phase: 'stopped' });
  process.disconnect();
};

process.on('message', (orders: Orders) => {
  switch (orders.kind) {
    case 'begin':
      run(orders).catch((error: unknown) => tell({ faults: [...state.faults, String(error)] }));
      return;
    case 'block':
      process.send?.({ ...state, phase: 'blocked' } satisfies State, () => {
        while (!existsSync(orders.until));
        tell({ phase: 'running' });
      });
      return;
    case 'stop':
      stopping = true;
      return;
  }
});
