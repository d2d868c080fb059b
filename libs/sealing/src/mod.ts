export { MasterKeyring } from "./master-keyring.ts";
export { openWithKey, sealToKey } from "./sealed-box.ts";
export { SealingError, type SealingFailure } from "./sealing-error.ts";
export { Secret } from "./secret.ts";
export { constantTimeEqual, hashToken } from "./token.ts";
