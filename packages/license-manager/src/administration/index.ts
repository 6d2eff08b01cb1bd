export { type Administration, openAdministration, type Proof } from './administration.ts';
export { MAX_PASSWORD, MIN_PASSWORD } from './password.ts';
export { administrationRemarks, type Remark } from './remarks.ts';
export { resetPassword } from './reset.ts';
