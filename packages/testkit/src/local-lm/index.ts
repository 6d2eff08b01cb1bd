export { freeTcpPort, type LocalLm, type LocalLmOptions, startLocalLm } from './local-lm.ts';
export { createManualClock, type ManualClock } from './manual-clock.ts';
export { createTestVendor, type TestVendor } from './test-vendor.ts';
