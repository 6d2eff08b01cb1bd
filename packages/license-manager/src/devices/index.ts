export { watchDevices } from './devices.ts';
