import { isLoopback } from '@keyhaven/core/discovery';
import type { Settings } from '../settings.ts';

// What an administrator should know of how this license manager is administered, and that no refusal tells (S7, S13).

export type Remark = { readonly detail: string; readonly remedy: string };

type Of = { readonly access: Pick<Settings['access'], 'remoteAdministration'>; readonly tls: Pick<Settings['tls'], 'certificate'> };

/** @param bind as listenOn says it: empty = all addresses */
export const administrationRemarks = ({ access, tls }: Of, bind: readonly string[], passwordSet: boolean): readonly Remark[] => {
  if (!access.remoteAdministration || (bind.length > 0 && bind.every(isLoopback))) return [];
  const remarks: Remark[] = []; // BOUNDED by what is below
  if (tls.certificate === undefined)
    remarks.push({
      detail:
        "Other computers administer without TLS: the administrator's password crosses the network as it is, and whoever is on its way reads it.",
      remedy: 'Set tls.certificate and tls.key, or administer through an SSH tunnel and set access.remoteAdministration = false.',
    });
  if (!passwordSet)
    remarks.push({
      detail: 'Remote administration is on, and nobody elsewhere can use it: no password is set.',
      remedy: 'Set one on this computer with: keyhaven password set, or set access.remoteAdministration = false.',
    });
  return remarks;
};
