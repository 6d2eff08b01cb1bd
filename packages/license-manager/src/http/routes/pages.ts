import { assetAnswer } from '../assets.ts';
import type { HttpFaces } from '../faces.ts';
import { overviewPage } from '../page.ts';
import { type Route, route, says, sends } from '../route.ts';

// What people see: the Admin Control Center where the license manager got it, else a page of its own.

/** Whoever may come at all gets the Admin Control Center, to log in there; it holds nothing of this license manager. */
export const pageRoutes = (faces: HttpFaces): Route[] => {
  const get = { method: 'GET' } as const;
  const { assets = [] } = faces;
  if (assets.length === 0) {
    const need = 'read';
    return [
      route({
        ...get,
        need,
        url: '/',
        summary: 'The page for people',
        answer: says('text/html; charset=utf-8', 'A page.'),
        run: () => overviewPage(faces),
      }),
      route({ ...get, need, url: '/style.css', summary: 'Its style', answer: says('text/css', 'A style sheet.'), run: () => faces.style }),
    ];
  }
  return assets.map((asset) => {
    const answer = assetAnswer(asset);
    const summary = asset.url === '/' ? 'The Admin Control Center' : 'A part of its pages';
    return route({ ...get, need: 'page', url: asset.url, summary, answer: sends(asset.type), run: ({ headers }) => answer(headers) });
  });
};
