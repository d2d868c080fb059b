export { canonicalHost, type EgressTarget, formatEgressTarget, parseEgressTarget } from "./egress-target.ts";
export {
  HEADERS,
  isAnswerable,
  isCredential,
  isHeaderName,
  isMappable,
  isPassedOn,
  isSeenByRules,
} from "./headers.ts";
export { ENVIRONMENTS, type Environment, hostLabel, randomLabel } from "./ids.ts";
export { checkId, formatName, type IdKind, parseName, type ResourceIds, type ResourceKind } from "./resource-name.ts";
