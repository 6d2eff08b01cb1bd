export { type IntegratedApplication, startIntegratedApplication } from './integrated-application.ts';
export { asLmSocket, type NearApplication, type NearWay, startNearApplication } from './near-application.ts';
