export { type Binding, createMachineSeal, type MachineSeal, machineMarks, openBinding, userStoreMarks } from './binding.ts';
export { ensureStateDirectory, writeFileAtomically } from './files.ts';
export { observeMachine } from './fingerprint/index.ts';
export { createInstallMarks, type InstallMark, type InstallMarks } from './install-marks.ts';
export { sweepLeftFiles, writePidFile } from './left-files.ts';
export { adoptIdentity, dropNextIdentity, type NextIdentity, prepareIdentity, readNextIdentity } from './next-identity.ts';
export { isRunning, type ProcessIdentity, processStart, startInStat } from './process.ts';
export { systemClock, systemEntropy } from './system.ts';
export { createTrialMarks, type TrialMark, type TrialMarks } from './trial-marks.ts';
