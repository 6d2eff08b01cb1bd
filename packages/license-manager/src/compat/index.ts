export type { CompatFaces } from './faces.ts';
export { serveOldHttp } from './old-http.ts';
export { openCompat } from './open.ts';
