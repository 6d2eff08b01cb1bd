export { type Binding, createMachineSeal, type MachineSeal, machineMarks, openBinding } from './binding.ts';
export { observeMachine } from './fingerprint/index.ts';
export { ensureStateDirectory, writeFileAtomically } from './files.ts';
export { isRunning, type ProcessIdentity, processStart } from './process.ts';
export { systemClock, systemEntropy } from './system.ts';
