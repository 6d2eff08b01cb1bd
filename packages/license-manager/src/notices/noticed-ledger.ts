import type { Decision, Ledger } from '@keyhaven/ledger';
import type { Topic } from './notices.ts';

// A ledger that tells which topics its decisions change: whatever is decided goes through it, so that no change of a seat, a key or an audit goes
// unseen, whoever makes it.

const topicsOf = ({ changes, audit }: Decision<unknown>): Set<Topic> => {
  const found = new Set<Topic>();
  for (const { key } of changes) {
    const kind = key.split('/')[1];
    if (key.startsWith('lm/')) {
      if (kind === 'key-name') found.add('keys');
      if (kind === 'forwarded') found.add('sessions');
      continue;
    }
    found.add('features');
    if (kind === 'session') found.add('sessions');
    else if (kind !== 'pool' && kind !== 'consumer') found.add('keys');
  }
  for (const { kind, detail } of audit) {
    found.add('audit');
    if (kind === 'refused') found.add('denials');
    if (kind === 'waiting' || kind === 'withdrawn' || detail['waited'] !== undefined) found.add('waiting').add('features');
    if (kind === 'settings changed') found.add('settings');
  }
  return found;
};

export const noticedLedger = (ledger: Ledger, touch: (...topics: readonly Topic[]) => void): Ledger => ({
  scan: (prefix) => ledger.scan(prefix),
  audit: (query) => ledger.audit(query),
  verifyAudit: () => ledger.verifyAudit(),
  damage: () => ledger.damage(),
  close: () => ledger.close(),
  async update(keys, decide, options) {
    let topics = new Set<Topic>();
    const reply = await ledger.update(
      keys,
      (rows, now) => {
        const decision = decide(rows, now);
        // It may be decided again; the last time counts.
        topics = topicsOf(decision);
        return decision;
      },
      options,
    );
    touch(...topics);
    return reply;
  },
});
