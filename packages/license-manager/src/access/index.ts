export { type Access, createAccess, type RuleBar } from './access.ts';
export { createDeniedClients, type DeniedClient } from './denied-clients.ts';
export { clientRuleList, rulesOf, userRuleList, type Where } from './rules-of-settings.ts';
export { openRunningRules, type RunningRules } from './running-rules.ts';
