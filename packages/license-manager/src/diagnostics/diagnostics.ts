import type { LmStatus } from '@keyhaven/core/admin';
import type { Wall } from '@keyhaven/core/time';

// The report for somebody who helps from afar (C2). Gathered anew for each that asks; a section that fails says so and hides no other.

export type Report = {
  readonly at: string;
  readonly status: LmStatus;
  readonly computer: Readonly<Record<string, string | number>>;
  readonly sections: Readonly<Record<string, unknown>>;
};

export const createDiagnostics =
  (options: {
    readonly now: () => Wall;
    readonly status: () => LmStatus;
    readonly computer: () => Readonly<Record<string, string | number>>;
    readonly sections: Readonly<Record<string, () => unknown>>;
  }) =>
  async (): Promise<Report> => {
    const sections = await Promise.all(
      Object.entries(options.sections).map(async ([name, gather]): Promise<[string, unknown]> => {
        try {
          return [name, await gather()];
        } catch (error) {
          return [name, { failed: error instanceof Error ? error.message : String(error) }];
        }
      }),
    );
    return {
      at: new Date(options.now()).toISOString(),
      status: options.status(),
      computer: options.computer(),
      sections: Object.fromEntries(sections),
    };
  };
