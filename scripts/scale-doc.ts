// Writes docs/scale.md and docs/scale.svg: how what license managers send grows with their number (P7). Takes some minutes; run it after a
// change of core/discovery. The test beside testkit/crowd holds the same figures to their limits at smaller sizes.
import { writeFileSync } from 'node:fs';
import { type CrowdFigures, simulateCrowd } from '@keyhaven/testkit/crowd';

type Site = { readonly title: string; readonly color: string; readonly figures: readonly CrowdFigures[] };
type Measure = 'perInterval' | 'powerUp' | 'burst';

const SERVERS = 4;
const simulated = (title: string, color: string, counts: readonly number[], perSubnet?: number): Site => ({
  title,
  color,
  figures: counts.map((count) => {
    console.log(`${title}: ${count}`);
    return simulateCrowd({ count, servers: SERVERS, seed: 1, ...(perSubnet === undefined ? {} : { perSubnet }) });
  }),
});

const sites: readonly Site[] = [
  simulated('one subnet', '#0b6e99', [10, 30, 100, 300, 1_000]),
  simulated('subnets of 250', '#b3541e', [250, 1_000, 3_000, 10_000], 250),
];

const [WIDTH, HEIGHT, LEFT, TOP] = [640, 400, 80, 20];
const plot = (measure: Measure, label: string): string => {
  const x = (count: number): number => LEFT + ((Math.log10(count) - 1) / 3) * (WIDTH - LEFT - 20);
  const y = (value: number): number => HEIGHT - 50 - ((Math.log10(Math.max(10, value)) - 1) / 6) * (HEIGHT - 50 - TOP);
  const line = (x1: number, y1: number, x2: number, y2: number, more: string): string =>
    `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${more}/>`;
  const text = (at: number, down: number, said: string, more = ''): string =>
    `<text x="${at.toFixed(1)}" y="${down.toFixed(1)}" ${more}>${said}</text>`;
  const parts: string[] = [];
  for (let power = 1; power <= 7; power += 1) {
    parts.push(line(LEFT, y(10 ** power), WIDTH - 20, y(10 ** power), 'stroke="#8884"'));
    parts.push(text(LEFT - 8, y(10 ** power) + 4, (10 ** power).toLocaleString('en'), 'text-anchor="end"'));
  }
  for (let power = 1; power <= 4; power += 1)
    parts.push(text(x(10 ** power), HEIGHT - 30, (10 ** power).toLocaleString('en'), 'text-anchor="middle"'));
  // What grows with the number of LMs is parallel to this line.
  parts.push(line(x(10), y(100), x(10_000), y(100_000), 'stroke="#888" stroke-dasharray="4 4"'));
  sites.forEach(({ title, color, figures }, index) => {
    const points = figures.map((each) => `${x(each.count).toFixed(1)},${y(each[measure]).toFixed(1)}`);
    parts.push(`<polyline points="${points.join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>`);
    for (const each of figures)
      parts.push(`<circle cx="${x(each.count).toFixed(1)}" cy="${y(each[measure]).toFixed(1)}" r="3" fill="${color}"/>`);
    parts.push(text(LEFT + 20, TOP + 16 + index * 18, title, `fill="${color}"`));
  });
  parts.push(text(LEFT + 20, TOP + 52, 'dashed: 10 to each LM', 'fill="#888"'));
  parts.push(text((WIDTH + LEFT) / 2, HEIGHT - 8, 'license managers', 'text-anchor="middle"'));
  return `<g><title>${label}</title>${parts.join('')}</g>`;
};

const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#777">${plot('perInterval', 'Datagrams in one interval of the search, by number of license managers')}</svg>\n`;

const row = ({ title, figures }: Site): string[] =>
  figures.map(
    ({ count, perInterval, powerUp, burst, known }) =>
      `| ${title} | ${count.toLocaleString('en')} | ${perInterval.toLocaleString('en')} | ${(perInterval / count).toFixed(1)} | ${powerUp.toLocaleString('en')} | ${(powerUp / count).toFixed(1)} | ${burst.toLocaleString('en')} | ${known} |`,
  );

const page = `# What many license managers send

A simulation of the real discovery machine (\`packages/testkit/src/crowd\`) without loss, at 0.2 ms for a datagram: so many license managers (LMs) are switched on
in the same instant. ${SERVERS} of them have keys for others. On one subnet they find each other by broadcast; on subnets of 250 everybody has
the addresses of the ${SERVERS} as search parameters besides. An interval is the mean time between two searches (5.5 minutes).

![Datagrams in one interval of the search, by number of license managers](scale.svg)

| site | LMs | datagrams in an interval | of each LM | in the first minute | of each LM | in the worst 100 ms | a new key is told to all after (ms) |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${sites.flatMap(row).join('\n')}

Up to 32 LMs on a network everybody answers everybody, which is the square of a small number; beyond that what each one sends does not grow
with the number of the others ([D18](protocol/discovery.md#crowds)). All datagrams have 40 bytes of payload, but those that tell of keys. "Told to all" is
the notification; the key data follow by TCP.

Written by \`scripts/scale-doc.ts\`; the test beside the simulation holds the growth to its limits.
`;

writeFileSync(new URL('../docs/scale.svg', import.meta.url), svg);
writeFileSync(new URL('../docs/scale.md', import.meta.url), page);
