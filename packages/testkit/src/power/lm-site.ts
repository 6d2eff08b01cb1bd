/** What the license managers whose power is cut have a license for. */
export const LM_CATALOG = `
products:
  - id: 1
    name: Power
    features:
      - { id: 42, name: Held, license: { type: perpetual }, concurrency: { seats: 50 }, detachable: true }
      - { id: 43, name: Counted, license: { type: executions, count: 1000000 } }
    memory: { readWrite: 64, readOnly: 16 }
`;
/** The file of the memory that is written. */
export const MEMORY = 0xfff4;
