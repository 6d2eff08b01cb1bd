import { Command } from 'commander';
import { doctorCommand } from './net-doctor.ts';
import { firewallCommand } from './net-firewall.ts';
import { planCommand, upcomingCommand } from './net-plan.ts';
import { watchCommand } from './net-watch.ts';

/** keyhaven net: the network, explained (R10). */
export const netCommand = (): Command =>
  new Command('net')
    .description('what the license manager does on the network')
    .addCommand(firewallCommand())
    .addCommand(watchCommand())
    .addCommand(doctorCommand())
    .addCommand(planCommand())
    .addCommand(upcomingCommand());
