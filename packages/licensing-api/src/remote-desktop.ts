// Whether this process runs in a remote desktop session (27), by what such sessions tell their programs. It is the application's word: who
// can change the environment of the process can hide it, and docs/guide/vendor.md says so.

type Environment = Readonly<Record<string, string | undefined>>;

/** RDP-Tcp#3 by Remote Desktop Services, ICA-tcp#1 by Citrix; `Console` and `Services` are this computer itself. */
const WINDOWS_SESSION = /^(?:rdp|ica)-/iu;
/** Set by xrdp, X2Go, NoMachine, Chrome Remote Desktop, and servers of VNC for what they start. */
const UNIX_MARKS = ['XRDP_SESSION', 'X2GO_SESSION', 'NXSESSIONID', 'CHROME_REMOTE_DESKTOP_SESSION', 'VNCDESKTOP'] as const;

export const inRemoteDesktop = (environment: Environment, platform: string): boolean =>
  platform === 'win32'
    ? WINDOWS_SESSION.test(environment['SESSIONNAME'] ?? '')
    : UNIX_MARKS.some((name) => (environment[name] ?? '') !== '');
