export { asLicensingError, type LocalConnectionOptions, type Route, type RouteEvents, serveLocalConnection } from './local-connection.ts';
export { routeLater } from './route-later.ts';
