import type { MessagePort } from 'node:worker_threads';
import type { StatusCode } from '@keyhaven/core/errors';
import type { NearOverrides } from '@keyhaven/core/near-settings';

// What the application's thread and the thread of its Integrated LM say to each other.

export type Start = {
  readonly vendor: number;
  readonly directory: string;
  readonly beside: string | undefined;
  readonly overrides: NearOverrides;
};

export type ToThread = { readonly kind: 'connect'; readonly port: MessagePort } | { readonly kind: 'close' };

/** An error class does not pass between threads. */
export type Fault = { readonly status: StatusCode; readonly detail: string | undefined; readonly remedy: string };

export type FromThread =
  | { readonly kind: 'ready'; readonly guid: string }
  | { readonly kind: 'refused'; readonly fault: Fault }
  | { readonly kind: 'closed'; readonly fault: Fault | undefined };
