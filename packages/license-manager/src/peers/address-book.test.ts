import { describe, expect, it } from 'vitest';
import { createAddressBook, MAX_ADDRESSES } from './address-book.ts';

// R3: where one other license manager may be, with IPv4 or IPv6 as the discovery found it.

const at = (host: string) => ({ host, port: 1947 });
const hosts = (book: ReturnType<typeof createAddressBook>): string[] => book.order().map(({ host }) => host);

describe('the addresses of one license manager', () => {
  it('are tried with the one in use first, then the latest heard of, families by turns, and those that failed last', () => {
    const book = createAddressBook(at('10.0.0.1'));
    for (const host of ['10.0.1.1', 'fd00::1', '10.0.2.1', 'fe80::1%eth0']) book.heard(at(host));
    expect(hosts(book)).toEqual(['10.0.0.1', 'fe80::1%eth0', '10.0.2.1', 'fd00::1', '10.0.1.1']);
    book.proven(at('10.0.1.1'));
    expect(book.current).toEqual(at('10.0.1.1'));
    expect(hosts(book)[0]).toBe('10.0.1.1');
    book.failed(at('10.0.1.1'));
    expect(hosts(book).at(-1)).toBe('10.0.1.1');
    expect(book.current).toEqual(at('10.0.1.1'));
    book.heard(at('10.0.1.1'));
    expect(hosts(book)[0]).toBe('10.0.1.1');
  });

  it('with another port is another one', () => {
    const book = createAddressBook(at('10.0.0.1'));
    book.heard({ host: '10.0.0.1', port: 2_000 });
    expect(book.order()).toHaveLength(2);
  });

  it('are a few: made-up ones push out made-up ones, and not where it has been', () => {
    const book = createAddressBook(at('10.0.0.1'));
    book.proven(at('10.0.0.2'));
    book.proven(at('10.0.0.3'));
    for (let each = 0; each < 100; each += 1) book.heard(at(`10.6.6.${each}`));
    expect(hosts(book)).toHaveLength(MAX_ADDRESSES);
    expect(hosts(book)).toEqual(expect.arrayContaining(['10.0.0.2', '10.0.0.3', '10.6.6.99']));
    expect(hosts(book)).not.toContain('10.0.0.1');
  });

  it('lets a new one in where all of them have been used, but never in place of the one in use', () => {
    const book = createAddressBook(at('10.0.0.0'));
    for (let each = 0; each < MAX_ADDRESSES; each += 1) book.proven(at(`10.0.0.${each}`));
    book.proven(at('10.0.0.0'));
    book.heard(at('10.0.9.9'));
    expect(hosts(book)).toHaveLength(MAX_ADDRESSES);
    expect(hosts(book)).toEqual(expect.arrayContaining(['10.0.0.0', '10.0.9.9']));
  });
});
