import { describe, it, type TestContext } from 'vitest';

// One row of the seed's tables: a test for every cell, named after the row, the license manager and what the table says of it. A row without a
// cell does not compile.

export type LmName = 'Admin LM' | 'External LM' | 'Integrated LM';
export type Cell = readonly [says: string, shown: (context: TestContext) => Promise<void> | void];

export const row = <Name extends LmName>(attribute: string, cells: Readonly<Record<Name, Cell>>): void => {
  describe(`${attribute}`, () => {
    for (const [name, [says, expectShown]] of Object.entries<Cell>(cells)) it(`${name}: ${says}`, (context) => expectShown(context));
  });
};
