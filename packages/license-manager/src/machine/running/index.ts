export { type Claim, claimState } from './claim.ts';
