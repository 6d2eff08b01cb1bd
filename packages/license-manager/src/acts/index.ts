export { type Act, type Acts, applicationAct, askedAct, openActs } from './acts.ts';
