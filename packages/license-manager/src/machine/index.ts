export { type Binding, createMachineSeal, type MachineSeal, machineMarks, openBinding } from './binding.ts';
export { ensureStateDirectory, writeFileAtomically } from './files.ts';
export { observeMachine } from './fingerprint/index.ts';
export { isRunning, type ProcessIdentity, processStart } from './process.ts';
export { systemClock, systemEntropy } from './system.ts';
export { createTrialMarks, type TrialMark, type TrialMarks } from './trial-marks.ts';
