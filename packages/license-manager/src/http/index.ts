export type { Asset } from './assets.ts';
export type { HttpFaces } from './faces.ts';
export { pageStyle } from './page.ts';
export { createHttpServer, type HttpServer } from './server.ts';
