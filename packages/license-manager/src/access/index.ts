export { type Access, createAccess, type RuleBar } from './access.ts';
export { createDeniedClients, type DeniedClient } from './denied-clients.ts';
export { clientRuleList, rulesOf, userRuleList } from './rules-of-settings.ts';
