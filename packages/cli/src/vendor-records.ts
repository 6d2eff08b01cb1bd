import { LicensingError, Status } from '@keyhaven/core/errors';
import { wall } from '@keyhaven/core/time';
import type { ReportRow } from '@keyhaven/vendor-tools';
import { Command, Option } from 'commander';
import { duration } from './parts.ts';
import { table } from './print.ts';
import { productId, tell, type VendorIo } from './vendor-io.ts';

// keyhaven vendor check, report and record: the catalog without a customer, and what was issued.

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const checkCommand = (io: VendorIo): Command =>
  new Command('check')
    .description('Check the catalog of a vendor, without a C2V')
    .argument('<dir>', 'Directory of the vendor, or any with a catalog.yaml')
    .option('--json', 'Print one JSON document')
    .action(async (directory: string, { json }: { json?: boolean }) => {
      const { checkCatalog, formatFault } = await import('@keyhaven/vendor-tools');
      const check = await checkCatalog(directory, wall(Date.now()));
      const { file, faults, warnings, products, features } = check;
      if (json === true) io.print(JSON.stringify(check));
      else {
        for (const fault of faults) io.print(`${file}: ${formatFault(fault)}`);
        for (const warning of warnings) io.print(`${file}: warning: ${warning}`);
        if (faults.length === 0) io.print(`${file}: ${counted(products, 'product')} with ${counted(features, 'feature')}, no faults.`);
      }
      if (faults.length === 0) return;
      throw new LicensingError(Status.INVALID_PARAMETER, {
        detail: `The catalog ${file} has ${counted(faults.length, 'fault')}; no license can be issued from it.`,
        remedy: 'Correct it at the places named.',
      });
    });

type ReportOptions = {
  readonly product?: number;
  readonly key?: string;
  readonly expiring?: number;
  readonly csv?: boolean;
  readonly json?: boolean;
};
const endOf = ({ license, expires, days, executions }: ReportRow): string => {
  if (expires !== undefined) return expires;
  if (days !== undefined) return `${days} days from first use`;
  if (executions !== undefined) return `${executions} executions`;
  return license === 'perpetual' ? 'never' : 'not recorded';
};

const reportCommand = (io: VendorIo): Command =>
  new Command('report')
    .description('List the licenses that were issued, by expiry and key')
    .argument('<dir>', 'Directory of the vendor')
    .option('--expiring <time>', 'Only licenses that have ended or end within this time, such as 30d', duration(0, 3_153_600_000))
    .option('--product <id>', 'Only this product', productId)
    .option('--key <id>', 'Only this key')
    .addOption(new Option('--csv', 'Print CSV, for spreadsheets').conflicts('json'))
    .option('--json', 'Print one JSON document')
    .action(async (directory: string, { product, key, expiring, csv, json }: ReportOptions) => {
      const { reportCsv, reportIssued } = await import('@keyhaven/vendor-tools');
      const rows = await reportIssued(directory, { product, key, expiringWithin: expiring }, wall(Date.now()));
      if (json === true) return io.print(JSON.stringify(rows));
      if (csv === true) return io.write(reportCsv(rows));
      const cells = rows.map((row) => [
        endOf(row),
        row.key,
        row.counter ?? null,
        row.product === undefined ? 'not recorded' : `${row.product} ${row.productName ?? ''}`.trim(),
        row.feature === undefined ? null : `${row.feature} ${row.featureName ?? ''}`.trim(),
        row.seats ?? null,
        row.host ?? null,
        row.issued,
      ]);
      await io.write(table(['EXPIRES', 'KEY', 'UPDATE', 'PRODUCT', 'FEATURE', 'SEATS', 'HOST', 'ISSUED'], cells, 'No license was issued.'));
      if (rows.some(({ feature, license }) => feature === undefined && license === undefined)) {
        io.terminal.write(
          `hint: some licenses were issued by a version that did not record what it sold. Add them with: keyhaven vendor record ${directory} FILE.v2c ...\n`,
        );
      }
    });

const recordCommand = (io: VendorIo): Command =>
  new Command('record')
    .description('Complete the record of what was issued from license files')
    .argument('<dir>', 'Directory of the vendor')
    .argument('<files...>', 'V2C, V2CP, trial and legacy license files of this vendor, or C2V files of its keys')
    .option('--json', 'Print one JSON document')
    .action(async (directory: string, files: readonly string[], { json }: { json?: boolean }) => {
      const { recordFiles } = await import('@keyhaven/vendor-tools');
      const { found, recorded } = await recordFiles(directory, files);
      tell(io, json, `Added to the record: ${recorded} of ${counted(found, 'license')}.`, { found, recorded });
    });

export const vendorRecordCommands = (io: VendorIo): Command[] => [checkCommand(io), reportCommand(io), recordCommand(io)];
