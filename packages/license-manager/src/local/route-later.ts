import { asLicensingError, type Route, type RouteEvents } from './local-connection.ts';

/** The way to a key that is not open yet: nothing can be said before its answer, and who closes it does not wait for that. */
export const routeLater = (
  opening: Promise<Route & { readonly answer: Uint8Array }>,
  events: Pick<RouteEvents, 'opened' | 'lost'>,
): Route => {
  let route: Route | undefined;
  let closed = false;
  opening.then(
    (opened) => {
      if (closed) return opened.close();
      route = opened;
      events.opened(opened.answer);
    },
    (error: unknown) => {
      if (!closed) events.lost(asLicensingError(error));
    },
  );
  return {
    receive: (record) => route?.receive(record),
    close() {
      closed = true;
      route?.close();
    },
  };
};
