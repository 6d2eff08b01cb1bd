import { Argument, Command } from 'commander';
import { bashScript } from './completion-bash.ts';
import { fishScript } from './completion-fish.ts';
import { completionTree } from './completion-tree.ts';
import { zshScript } from './completion-zsh.ts';

// keyhaven completion: what a shell needs to complete the commands, made from the commands themselves.

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

const completionOf = (root: Command, shell: Shell): string => {
  const tree = completionTree(root);
  switch (shell) {
    case 'bash':
      return bashScript(tree);
    case 'zsh':
      return zshScript(tree);
    case 'fish':
      return fishScript(tree);
  }
};

export const completionCommand = (): Command =>
  new Command('completion')
    .description('prints what a shell needs to complete commands, options and values')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action((shell: Shell, _options: object, command: Command) => {
      process.stdout.write(completionOf(command.parent ?? command, shell));
    });
