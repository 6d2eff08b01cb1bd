import { expect, it } from 'vitest';
import { createSite } from '../authority/site.testing.ts';
import { facesOf } from './faces.testing.ts';
import { overviewPage } from './page.ts';

it('the page names other computers with the LM id of this one, and what to do where that is proven (R5)', async () => {
  const { faces } = await facesOf(await createSite());
  expect(await overviewPage(faces)).not.toContain('with the LM id of this one');
  const at = new Date(0).toISOString();
  const duplicates = [
    { address: '10.0.0.2', host: '<yard>', proven: true, at },
    { address: '10.0.0.3', host: null, proven: false, at },
  ];
  const page = await overviewPage({ ...faces, status: () => ({ ...faces.status(), duplicates }) });
  expect(page).toContain('Other computers with the LM id of this one');
  expect(page).toMatch(/10\.0\.0\.2<\/td><td>&lt;yard&gt;<\/td><td>yes.*keyhaven lm new-id/);
  expect(page).toContain('no: it only says so');
});
