import fc from 'fast-check';

// Values for a JSON schema: those that it takes, those at its edges, and hostile ones.

export type Schema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
};

const text = ({ pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> => {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern)).filter((value) => value.length <= 4_096);
  const most = Math.max(minLength, Math.min(maxLength, 300));
  return fc.oneof(
    fc.string({ minLength, maxLength: most, unit: 'grapheme' }),
    fc.constantFrom(minLength, most).map((length) => 'x'.repeat(length)),
  );
};
const whole = ({ minimum = -10, maximum = 10 }: Schema): fc.Arbitrary<number> =>
  fc.oneof(fc.integer({ min: minimum, max: maximum }), fc.constantFrom(minimum, maximum));

/** What the schema takes, its edges among them. */
export const valid = (schema: Schema): fc.Arbitrary<unknown> => {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return fc.oneof(...either.map(valid));
  switch (schema.type) {
    case 'string':
      return text(schema);
    case 'integer':
      return whole(schema);
    case 'number':
      return fc.double({ noNaN: true, min: schema.minimum ?? -1e6, max: schema.maximum ?? 1e6 });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(valid(schema.items ?? {}), { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? 5, 5) });
    case 'object': {
      const fields = Object.entries(schema.properties ?? {}).map(([name, each]) => [name, valid(each)] as const);
      if (fields.length > 0) return fc.record(Object.fromEntries(fields), { requiredKeys: [...(schema.required ?? [])] });
      const value = typeof schema.additionalProperties === 'object' ? valid(schema.additionalProperties as Schema) : fc.jsonValue();
      return fc.dictionary(fc.string({ maxLength: 20 }), value, { maxKeys: 5 });
    }
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
};

const nasty: readonly unknown[] = [
  null,
  '',
  'x'.repeat(100_000),
  '\u0000',
  '../../../../etc/passwd',
  "<script>alert('x')</script>",
  '{{7*7}}${7*7}`id`$(id)',
  "' OR 1=1 --",
  '\r\nSet-Cookie: a=b',
  '\ud800',
  -0,
  -1,
  2 ** 53,
  1e308,
  [],
  {},
  ['__proto__'],
  JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{}}}'),
];
export const hostile: fc.Arbitrary<unknown> = fc.oneof(fc.constantFrom(...nasty), fc.jsonValue({ maxDepth: 4 }));

/** What it takes, but for one field. */
export const nearly = (schema: Schema): fc.Arbitrary<unknown> => {
  const names = Object.keys(schema.properties ?? {});
  if (names.length === 0) return hostile;
  return fc.tuple(valid(schema), fc.constantFrom(...names, 'unknown', '__proto__'), hostile).map(([value, name, wrong]) => {
    const changed = Object.assign(Object.create(null) as object, value);
    Object.defineProperty(changed, name, { value: wrong, enumerable: true });
    return changed;
  });
};
