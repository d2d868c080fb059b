export { ERROR_CODES, type ErrorCode, type ErrorCodeRow, errorCodeOfGrpc } from "./codes.ts";
export {
  causeChain,
  type FieldViolation,
  invalidFields,
  PlatformError,
  type PlatformErrorOptions,
} from "./platform-error.ts";
export { type Component, type Mender, REASONS, type Reason, type ReasonRow } from "./reasons.ts";
