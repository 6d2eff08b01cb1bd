import { describe, expect, it } from 'vitest';
import { inRemoteDesktop } from './remote-desktop.ts';

describe('a remote desktop session (27)', () => {
  it.each<readonly [Readonly<Record<string, string>>, string, boolean]>([
    [{ SESSIONNAME: 'RDP-Tcp#3' }, 'win32', true],
    [{ SESSIONNAME: 'rdp-tcp#0' }, 'win32', true],
    [{ SESSIONNAME: 'ICA-tcp#1' }, 'win32', true],
    [{ SESSIONNAME: 'Console' }, 'win32', false],
    [{ SESSIONNAME: 'Services' }, 'win32', false],
    [{}, 'win32', false],
    [{ XRDP_SESSION: '1' }, 'win32', false],
    [{ XRDP_SESSION: '1' }, 'linux', true],
    [{ X2GO_SESSION: 'ann-50-1' }, 'linux', true],
    [{ CHROME_REMOTE_DESKTOP_SESSION: '1' }, 'linux', true],
    [{ VNCDESKTOP: 'host:1 (ann)' }, 'linux', true],
    [{ XRDP_SESSION: '' }, 'linux', false],
    [{ DISPLAY: ':0', SSH_CONNECTION: '10.0.0.1 1 10.0.0.2 22' }, 'linux', false],
    [{ SESSIONNAME: 'RDP-Tcp#3' }, 'linux', false],
    [{}, 'darwin', false],
  ])('%o on %s: %s', (environment, platform, expected) => expect(inRemoteDesktop(environment, platform)).toBe(expected));
});
