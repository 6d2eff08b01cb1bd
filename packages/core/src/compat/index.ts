export { type Action, type ActionSettings, actionIn } from './action.ts';
export { type Exact, exactJson, parseExactJson } from './exact-json.ts';
export { ACTION_DONE, diagnosticsOf, type FeedRow, feedOf, feedText, MAX_FEED_ROWS } from './feed.ts';
export { chosen, type FeedQuery, feedQueryOf } from './feed-query.ts';
export { deviceRow, featureRow, productNameOf, sessionRow } from './feed-rows.ts';
export {
  admitMachine,
  faultOfIdentity,
  type Identity,
  type IdentityFault,
  type IdentityRight,
  type IdentityState,
  identityRights,
  identityStates,
  MAX_MACHINES,
  type Machine,
  mayUse,
  stateOfIdentity,
} from './identity.ts';
export {
  DATE_WINDOW_MS,
  IDENTITY_HEADER,
  IDENTITY_NAME,
  identityKey,
  isSignedBy,
  type SignedRequest,
  signatureOf,
  signedRequestIn,
} from './identity-header.ts';
export { oldHttpAnswer, SERVER_NAME } from './old-http.ts';
export { fromRemotePage, type PageSettings, toRemotePage, uploadPage } from './pages.ts';
export { featureModel, keyModel, listOf, type PageQuery, type ProtectionFacts, pageQueryOf, productModel } from './rest-models.ts';
export { SETTINGS_SCRIPT } from './settings-script.ts';
