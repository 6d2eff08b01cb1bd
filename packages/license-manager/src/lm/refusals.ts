import { LicensingError } from '@keyhaven/core/errors';
import type { Find, Hello } from '@keyhaven/core/wire';
import { type Access, createAccess, type RuleBar } from '../access/access.ts';
import { createDeniedClients, type DeniedClient } from '../access/denied-clients.ts';
import type { AuditWriter } from '../acts/index.ts';
import type { LmOptions } from './types.ts';

// What the administrator's rules say against others (R9), and that it is written down: whatever is refused has its cause in the audit or the
// log (C5). Nothing waits for that.

export type Refusals = {
  /** The rules for seats; undefined = everybody may take every one. */
  readonly access: Access | undefined;
  /** Against another license manager, as far as it has told who it is. */
  againstClient(client: DeniedClient): RuleBar | undefined;
  /** Against whatever comes from that address. */
  againstRemote(address: string): RuleBar | undefined;
  /** Against a client there that has shown an identity. */
  againstIdentified(address: string): RuleBar | undefined;
  /** Somebody there may not administer. */
  administration(address: string, refusal: LicensingError): void;
  /** Another license manager is refused for what it asked over its link. */
  note(client: DeniedClient, bar: RuleBar): void;
  /** Against lending these features of a product. */
  againstDetach: Access['againstDetach'];
  /** An application found no key at all; a denial where that is the end of its login. */
  nothingFound(question: Find, application: Hello, error: unknown, isDenial: boolean): void;
};

export const createRefusals = ({ access: rules, addressesOf, clock, onEvent }: LmOptions, audit: AuditWriter): Refusals => {
  const access =
    rules === undefined
      ? undefined
      : createAccess(rules, {
          ...(addressesOf === undefined ? {} : { addressesOf }),
          onBarred: ({ user, host, address, holder }, { key, product, feature }, { rule, place, status }) =>
            onEvent({
              level: 'info',
              event: 'login refused by a rule',
              status,
              rule,
              ...place,
              user,
              host,
              address,
              holder,
              key,
              product,
              feature,
            }),
        });
  const deniedClients = createDeniedClients();

  const noted = (client: DeniedClient, bar: RuleBar | undefined): RuleBar | undefined => {
    const entry = bar === undefined ? undefined : deniedClients(client, bar, clock.mono());
    if (entry !== undefined && bar !== undefined) {
      audit.write(entry);
      onEvent({ level: 'info', event: 'computer refused by a rule', status: bar.status, rule: bar.rule, ...bar.place, ...client });
    }
    return bar;
  };
  const somebodyAt = (address: string): DeniedClient => ({ address, host: undefined, holder: undefined });

  return {
    access,
    againstClient: (client) => noted(client, access?.againstRemote() ?? access?.againstClient(client)),
    againstRemote: (address) => noted(somebodyAt(address), access?.againstRemote()),
    againstIdentified: (address) => noted(somebodyAt(address), access?.againstRemote(true) ?? access?.againstClient(somebodyAt(address))),
    administration(address, { status, detail = '' }) {
      noted(somebodyAt(address), { status, detail, rule: 'administration' });
    },
    note: (client, bar) => void noted(client, bar),
    againstDetach(to, of, features) {
      const bar = access?.againstDetach(to, of, features);
      if (bar !== undefined) {
        const at = bar.place === undefined ? {} : { ruleFile: bar.place.file, ruleLine: bar.place.line };
        const detail = {
          product: of.product,
          user: to.user ?? null,
          host: to.host,
          holder: to.guid,
          address: to.address ?? null,
          application: null,
        };
        audit.write({
          kind: 'refused',
          scope: of.key,
          detail: { ...detail, status: bar.status, cause: bar.detail, rule: bar.rule, ...at },
        });
      }
      return bar;
    },
    nothingFound({ vendor, feature }, { pid, user, host, application }, error, isDenial) {
      if (!(error instanceof LicensingError)) return;
      const asked = { vendor, feature, pid, user, host, application };
      const detail = { ...asked, status: error.status, cause: error.detail ?? error.message };
      audit.write({ kind: isDenial ? 'refused' : 'attempt refused', scope: 'lm', detail });
    },
  };
};
