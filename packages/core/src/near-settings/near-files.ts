// Where the settings of an External or Integrated LM are looked for. Pure: reading is for the shell.

export type NearPlace = {
  /** The directory of the application; undefined where nobody knows. */
  readonly beside: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly home: string;
};

export const nearFileName = (vendor: number): string => `keyhaven_${vendor}.ini`;

/** The vendor of a file of this name, whatever directory it is in; undefined for other files. */
export const vendorOfNearFile = (path: string): number | undefined => {
  const [, vendor] = /(?:^|[\\/])keyhaven_(\d{1,10})\.ini$/i.exec(path) ?? [];
  return vendor === undefined ? undefined : Number(vendor);
};

const userDirectory = ({ env, platform, home }: NearPlace): string => {
  const given = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  if (platform === 'win32') return `${given('APPDATA') ?? `${home}\\AppData\\Roaming`}\\Keyhaven`;
  if (platform === 'darwin') return `${home}/Library/Preferences/keyhaven`;
  // A path that is not absolute is no path, says the specification of these directories.
  const config = given('XDG_CONFIG_HOME');
  return `${config?.startsWith('/') === true ? config : `${home}/.config`}/keyhaven`;
};

/** The first of these that exists is the one: beside the application, then in the configuration directory of the user. */
export const nearFiles = (place: NearPlace, vendor: number): readonly string[] => {
  const separator = place.platform === 'win32' ? '\\' : '/';
  const name = nearFileName(vendor);
  return [place.beside, userDirectory(place)].flatMap((directory) =>
    directory === undefined ? [] : [directory.endsWith(separator) ? directory + name : directory + separator + name],
  );
};
