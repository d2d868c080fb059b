export { type CheckedAddress, isLoopback, isPublic, readAddress } from "./addresses.ts";
export { Allowance, type AllowedRange, allowedRanges, parseAllowedRange } from "./allowance.ts";
export { dial } from "./dial.ts";
export { OutboundGuard, type OutboundGuardOptions } from "./guard.ts";
export { OUTBOUND_LIMITS } from "./limits.ts";
export { PlatformAddresses } from "./platform-addresses.ts";
export { isLocalName, LOOPBACK, Lookups, OutboundFault, type Resolve, Resolver, TooManyLookups } from "./resolver.ts";
export { systemResolver } from "./system-resolver.ts";
