import { simulate } from '@keyhaven/testkit/world';
import { it } from 'vitest';
it('s', async () => { const t=performance.now(); const r = await simulate({ minutes: 5, applications: 14, seed: '9' }); console.log(performance.now()-t, JSON.stringify(r)); }, 200000);
