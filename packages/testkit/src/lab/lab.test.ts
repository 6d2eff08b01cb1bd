import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { captureAvailable, createLab, type Host, type Lab, type LabProcess, labAvailable, streams } from './index.ts';
import { createLineQueue } from './line-queue.ts';

const reason = labAvailable();
const noCapture = captureAvailable();
const skipFor = (why: string | undefined) => (context: TestContext) => {
  if (why !== undefined) context.skip(why);
};

const ECHO = `
const server = require('node:net').createServer((socket) => socket.pipe(socket));
server.listen(0, '::', () => console.log(server.address().port));`;
const ASK = `
const [address, port, text] = process.argv.slice(1);
const socket = require('node:net').connect(Number(port), address, () => socket.end(text));
socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
socket.on('data', (bytes) => process.stdout.write(bytes));`;
const LISTEN = `
const socket = require('node:dgram').createSocket(process.argv[1]);
socket.on('message', (bytes, from) => console.log(bytes.toString(), from.address));
socket.bind(1947, () => console.log('ready'));`;
const SEND = `
const [type, address, text] = process.argv.slice(1);
const socket = require('node:dgram').createSocket(type);
socket.bind(0, () => {
  if (type === 'udp4') socket.setBroadcast(true);
  socket.send(text, 1947, address, (error) => { if (error) throw error; socket.close(); });
});`;

const listen = async (host: Host, type: 'udp4' | 'udp6'): Promise<LabProcess> => {
  const listener = await host.spawn('node', ['-e', LISTEN, type]);
  await listener.nextLine((line) => line === 'ready');
  return listener;
};
const send = async (host: Host, type: 'udp4' | 'udp6', address: string, text: string): Promise<void> => {
  expect(await host.run('node', ['-e', SEND, type, address, text])).toMatchObject({ code: 0, stderr: '' });
};
const ask = (host: Host, address: string, port: string, text: string) => host.run('node', ['-e', ASK, address, port, text]);
const end = async (...processes: readonly LabProcess[]): Promise<void> => {
  for (const process of processes) process.kill('SIGKILL');
  await Promise.all(processes.map(({ exited }) => exited));
};
const interfacesOf = async (host: Host): Promise<readonly string[]> => {
  const { stdout } = await host.run('node', ['-p', 'Object.keys(os.networkInterfaces()).join(" ")']);
  return stdout.trim().split(' ');
};
/** Gone, or dead and waiting for its parent to notice. */
const dead = (pid: number): boolean =>
  !existsSync(`/proc/${pid}/stat`) || readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] === 'Z';

describe('a lab of three hosts', () => {
  beforeEach(skipFor(reason));
  let lab: Lab;
  let office: Host;
  let yard: Host;
  let ship: Host;
  beforeAll(async () => {
    if (reason !== undefined) return;
    lab = await createLab({ hosts: ['office', 'yard', 'ship'] });
    office = lab.host('office');
    yard = lab.host('yard');
    ship = lab.host('ship');
  });
  afterAll(async () => {
    if (reason === undefined) await lab.close();
  });

  it('gives addresses that are usable at once', async () => {
    await using fresh = await createLab({ hosts: ['new'] });
    const [wire] = fresh.host('new').interfaces();
    const { stdout } = await fresh.host('new').run('ip', ['-6', '-o', 'addr', 'show', 'dev', 'eth0']);
    expect([wire?.address6, wire?.linkLocal].map((address) => stdout.includes(` ${address}/64 `))).toEqual([true, true]);
    expect(stdout).not.toContain('tentative');
  });

  it('lets two hosts speak TCP over IPv4, IPv6 and link-local addresses', async () => {
    const echo = await office.spawn('node', ['-e', ECHO]);
    const port = await echo.nextLine();
    const [wire] = office.interfaces();
    for (const address of [office.address, office.address6, `${wire?.linkLocal}%eth0`]) {
      expect(await ask(yard, address, port, `over ${address}`)).toEqual({ code: 0, stdout: `over ${address}`, stderr: '' });
    }
    await end(echo);
  });

  it('carries a directed broadcast to all other hosts', async () => {
    const listeners = await Promise.all([yard, ship].map((host) => listen(host, 'udp4')));
    await send(office, 'udp4', office.broadcast, 'anybody?');
    for (const listener of listeners) expect(await listener.nextLine()).toBe(`anybody? ${office.address}`);
    await end(...listeners);
  });

  it('carries an IPv6 link-local multicast to all other hosts', async () => {
    const listeners = await Promise.all([yard, ship].map((host) => listen(host, 'udp6')));
    await send(office, 'udp6', 'ff02::1%eth0', 'anybody?');
    for (const listener of listeners) expect(await listener.nextLine()).toBe(`anybody? ${office.interfaces()[0]?.linkLocal}%eth0`);
    await end(...listeners);
  });

  it('gives each host its own name and machine id, the same for every program on it', async () => {
    const identity = async (host: Host) =>
      (await host.run('node', ['-p', 'os.hostname() + " " + fs.readFileSync("/etc/machine-id", "utf8").trim()'])).stdout.trim();
    const seen = await Promise.all([office, yard, ship, office].map(identity));
    expect(seen).toEqual([office, yard, ship, office].map(({ name, machineId }) => `${name} ${machineId}`));
    expect(new Set(seen).size).toBe(3);
  });

  it('gives the pid of the program itself, so that a signal hits it and nothing else', async () => {
    const asked = await office.spawn('node', [
      '-e',
      'process.on("SIGTERM", () => process.exit(7)); console.log(process.pid); setInterval(() => {}, 1e6)',
    ]);
    expect(await asked.nextLine()).toBe(String(asked.pid));
    asked.kill('SIGTERM');
    expect(await asked.exited).toEqual({ code: 7, signal: null });
    const killed = await office.spawn('node', ['-e', 'console.log(process.pid); setInterval(() => {}, 1e6)']);
    expect(await killed.nextLine()).toBe(String(killed.pid));
    process.kill(killed.pid, 'SIGKILL');
    expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(killed.kill()).toBe(false);
  });

  it('tells how a program ended and what it complained of', async () => {
    const program = 'console.log(process.env.PASSED, process.cwd()); console.error("no"); process.exitCode = 3';
    const result = await yard.run('node', ['-e', program], { env: { PASSED: 'on' }, cwd: '/' });
    expect(result).toEqual({ code: 3, stdout: 'on /\n', stderr: 'no\n' });
    const spawned = await yard.spawn('node', ['-e', program]);
    expect(await spawned.exited).toEqual({ code: 3, signal: null });
    expect(spawned.stderr()).toBe('no\n');
    await expect(spawned.nextLine((line) => line === 'ready')).rejects.toThrow(/stderr: no/);
    await expect(yard.run('sleep', ['60'], { timeoutMs: 20 })).rejects.toThrow('did not end within 20 ms');
    await expect(yard.spawn('node', [], { cwd: '/no/such/place' })).rejects.toThrow('ENOENT');
    expect((await yard.run('no-such-program', [])).code).toBe(127);
  });

  it('takes the cable out and puts it back while a program runs', async () => {
    const echo = await office.spawn('node', ['-e', ECHO]);
    const port = await echo.nextLine();
    await office.link(false);
    expect(await interfacesOf(office)).toEqual(['lo']);
    expect(await interfacesOf(yard)).toEqual(['lo', 'eth0']);
    await office.link(true);
    expect(await interfacesOf(office)).toEqual(['lo', 'eth0']);
    expect((await ask(yard, office.address, port, 'back')).stdout).toBe('back');
    await end(echo);
  });

  it('loses in silence what crosses a partition, and nothing else', async () => {
    const listener = await listen(office, 'udp4');
    const [wire] = ship.interfaces();
    for (const host of [yard, ship]) await send(host, 'udp4', office.address, 'before');
    await lab.partition(['office', 'yard']);
    await send(ship, 'udp4', office.address, 'lost');
    await send(ship, 'udp4', wire?.broadcast ?? '', 'lost to all');
    await send(yard, 'udp4', office.address, 'within');
    await lab.partition(['ship', 'office']);
    await send(yard, 'udp4', office.address, 'lost too');
    await send(ship, 'udp4', office.address, 'now within');
    await lab.partition();
    for (const host of [yard, ship]) await send(host, 'udp4', office.address, 'whole');
    const lines: string[] = [];
    for (let count = 0; count < 6; count += 1) lines.push(await listener.nextLine());
    expect(lines).toEqual([
      `before ${yard.address}`,
      `before ${ship.address}`,
      `within ${yard.address}`,
      `now within ${ship.address}`,
      `whole ${yard.address}`,
      `whole ${ship.address}`,
    ]);
    await end(listener);
  });

  it('lets interfaces on other subnets come and go while a program runs', async () => {
    const listener = await listen(office, 'udp4');
    const [mine, theirs] = [await office.addInterface(7), await yard.addInterface(7)];
    expect(mine).toMatchObject({ address: '10.199.7.10', broadcast: '10.199.7.255' });
    expect(await interfacesOf(office)).toEqual(['lo', 'eth0', mine.name]);
    await send(yard, 'udp4', mine.broadcast, 'second network');
    expect(await listener.nextLine()).toBe(`second network ${theirs.address}`);
    await office.removeInterface(mine.name);
    await yard.removeInterface(theirs.name);
    expect(await interfacesOf(office)).toEqual(['lo', 'eth0']);
    expect(office.interface).toBe('eth0');
    await end(listener);
  });

  it('refuses names it does not know', async () => {
    expect(() => lab.host('nobody')).toThrow('no host nobody');
    await expect(lab.partition(['nobody'])).rejects.toThrow('no host nobody');
    await expect(office.removeInterface('eth9')).rejects.toThrow('no interface eth9');
    await expect(createLab({ hosts: ['Bad Name'], subnets: { other: [300] } })).rejects.toThrow(/Bad Name.*other.*300/);
  });

  describe('captures', () => {
    beforeEach(skipFor(noCapture));

    it('see each datagram that crossed the wire exactly once, with its payload', async () => {
      const listener = await listen(ship, 'udp4');
      const capture = await lab.capture();
      await send(office, 'udp4', office.broadcast, 'to all');
      await send(yard, 'udp4', ship.address, 'to one');
      await send(office, 'udp6', 'ff02::1%eth0', 'to all nodes');
      const seen = (await capture.stop()).filter(({ protocol }) => protocol === 'udp');
      expect(
        seen.map(({ cast, source, destination, payload }) => [
          cast,
          source.address,
          destination.address,
          destination.port,
          payload.toString(),
        ]),
      ).toEqual([
        ['broadcast', office.address, office.broadcast, 1947, 'to all'],
        ['unicast', yard.address, ship.address, 1947, 'to one'],
        ['multicast', office.interfaces()[0]?.linkLocal, 'ff02::1', 1947, 'to all nodes'],
      ]);
      await end(listener);
    });

    it('see both directions of a connection whole', async () => {
      const echo = await office.spawn('node', ['-e', ECHO]);
      const port = await echo.nextLine();
      const capture = await lab.capture();
      const long = 'a long text '.repeat(5_000);
      expect((await ask(yard, office.address, port, long)).stdout).toBe(long);
      const found = streams(await capture.stop());
      expect(found.map(({ source, destination }) => [source.address, destination.address])).toEqual([
        [yard.address, office.address],
        [office.address, yard.address],
      ]);
      for (const { bytes, complete } of found) expect([complete, bytes.toString() === long]).toEqual([true, true]);
      await end(echo);
    });

    it('see what is sent into a partition, and by an interface that came later', async () => {
      const capture = await lab.capture();
      await lab.partition(['office']);
      const late = await yard.addInterface(9);
      await send(office, 'udp4', office.broadcast, 'into the void');
      await send(yard, 'udp4', late.broadcast, 'later');
      await yard.removeInterface(late.name);
      await lab.partition();
      const seen = (await capture.stop()).filter(({ protocol }) => protocol === 'udp');
      expect(seen.map(({ payload }) => payload.toString())).toEqual(['into the void', 'later']);
    });

    it('prove what stays inside a host', async () => {
      const [inside, wire] = await Promise.all([office.captureLoopback(), lab.capture()]);
      const echo = await office.spawn('node', ['-e', ECHO]);
      await ask(office, '127.0.0.1', await echo.nextLine(), 'private');
      const local = streams(await inside.stop());
      expect(local.map(({ source, destination, bytes }) => [source.address, destination.address, bytes.toString()])).toEqual([
        ['127.0.0.1', '127.0.0.1', 'private'],
        ['127.0.0.1', '127.0.0.1', 'private'],
      ]);
      expect((await wire.stop()).filter(({ protocol }) => protocol !== 'other')).toEqual([]);
      await end(echo);
    });
  });
});

describe('the end of a lab', () => {
  beforeEach(skipFor(reason));

  it('leaves no process, no namespace and no interface behind', async () => {
    const before = Object.keys(networkInterfaces());
    const pids: number[] = [];
    const names: string[] = [];
    {
      await using lab = await createLab({ hosts: ['one', 'two'], defaultRoute: true, machineIds: { one: '0123456789abcdef'.repeat(2) } });
      expect(lab.host('one').machineId).toBe('0123456789abcdef'.repeat(2));
      names.push(...lab.hosts.map(({ namespace }) => namespace));
      const program =
        'const child = require("node:child_process").spawn("sleep", ["600"], { detached: true }); console.log(child.pid); setInterval(() => {}, 1e6)';
      const parent = await lab.host('one').spawn('node', ['-e', program]);
      pids.push(parent.pid, Number(await parent.nextLine()));
      pids.push((await lab.host('two').spawn('sleep', ['600'])).pid);
      if (noCapture === undefined) await lab.capture();
      expect(pids.filter(dead)).toEqual([]);
      expect(Object.keys(networkInterfaces())).toEqual(before);
      await lab.host('two').link(false);
    }
    expect(pids.filter((pid) => !dead(pid))).toEqual([]);
    const prefixes = names.map((name) => name.replace(/\d+$/, ''));
    const left = [...(await readdir('/run/netns')), ...(await readdir(tmpdir()))];
    expect(left.filter((name) => prefixes.some((prefix) => name.startsWith(prefix)))).toEqual([]);
  });

  it('comes with the next lab when the process that made it was killed, and not before', async () => {
    const program = `
      const { createLab } = await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)});
      const lab = await createLab({ hosts: ['left'] });
      const sleeper = await lab.host('left').spawn('sleep', ['600']);
      console.log(lab.host('left').namespace, sleeper.pid);`;
    const maker = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [namespace = '', pid] = (await createLineQueue(maker.stdout, () => 'the maker').next(() => true, 10_000)).split(' ');
    try {
      await (await createLab({ hosts: ['other'] })).close();
      expect(await readdir('/run/netns')).toContain(namespace);
      expect(dead(Number(pid))).toBe(false);
    } finally {
      maker.kill('SIGKILL');
      await once(maker, 'exit');
    }
    await (await createLab({ hosts: ['other'] })).close();
    expect(await readdir('/run/netns')).not.toContain(namespace);
    expect(await readdir(tmpdir())).not.toContain(namespace.replace(/0$/, 'files'));
    expect(dead(Number(pid))).toBe(true);
  });
});
