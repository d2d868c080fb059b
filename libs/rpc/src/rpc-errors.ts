import { Metadata, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import { ERROR_CODES, errorCodeOfGrpc, PlatformError } from "@millrace/errors";
import { type Any, BadRequest, ErrorInfo, Status } from "@millrace/proto/google";

// The one conversion between errors and gRPC statuses. Details travel as google.rpc.Status in `grpc-status-details-bin`.

const DETAILS_KEY = "grpc-status-details-bin";
const TYPE_PREFIX = "type.googleapis.com/google.rpc.";
const DOMAIN = "millrace";

// A status is a header block, and a client that meets one over its bound drops the connection with every call on it. The smallest usual
// bound is 8 KiB (grpc-java, grpc-core), of which the details take four thirds of their size.
const MESSAGE_BYTES_MAX = 1_536;
const DETAILS_BYTES_MAX = 3_072;
/** What a text costs beside its bytes. */
const FIELD_BYTES = 6;
const CUT = " … (cut)";

/** Message and details are cut to what every client takes: violations and metadata are carried as far as there is room. */
export function toStatus(error: PlatformError): Pick<StatusObject, "code" | "details" | "metadata"> {
  const code = ERROR_CODES[error.code].grpc;
  const { reason } = error;
  const room = { bytes: DETAILS_BYTES_MAX };
  const fieldViolations = error.violations
    .map((violation) => ({ ...violation, reason: "" }))
    .filter(({ field, description }) => takes(room, field, description));
  const metadata = Object.fromEntries(Object.entries(error.metadata).filter((member) => takes(room, ...member)));
  const details = [packed("ErrorInfo", ErrorInfo.encode({ reason, domain: DOMAIN, metadata }).finish())];
  if (fieldViolations.length > 0) details.push(packed("BadRequest", BadRequest.encode({ fieldViolations }).finish()));
  const message = cut(error.message);
  const sent = new Metadata();
  sent.set(DETAILS_KEY, Buffer.from(Status.encode({ code, message, details }).finish()));
  return { code, details: message, metadata: sent };
}

/** Whether there is still room for the texts, which they then take; what does not fit ends it for all that follow. */
function takes(room: { bytes: number }, ...texts: readonly string[]): boolean {
  const needed = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + FIELD_BYTES, 0);
  room.bytes = needed <= room.bytes ? room.bytes - needed : 0;
  return room.bytes > 0;
}

/** The longest beginning that fits when percent-encoded, as gRPC sends it. */
function cut(message: string): string {
  let bytes = 0;
  let end = 0;
  for (const character of message) {
    bytes += /[\x20-\x24\x26-\x7e]/.test(character) ? 1 : 3 * Buffer.byteLength(character);
    if (bytes > MESSAGE_BYTES_MAX) return message.slice(0, end) + CUT;
    end += character.length;
  }
  return message;
}

/** What a client makes of a failed call. The status of another platform's server becomes reason `rpc_failed`. */
export function fromServiceError(error: ServiceError): PlatformError {
  const [bytes] = error.metadata?.get(DETAILS_KEY) ?? [];
  const details = bytes instanceof Buffer ? Status.decode(bytes).details : [];
  const info = unpacked(details, "ErrorInfo", ErrorInfo);
  const violations = unpacked(details, "BadRequest", BadRequest)?.fieldViolations ?? [];
  return new PlatformError(errorCodeOfGrpc(error.code), error.details || "The call failed.", {
    reason: info?.reason ?? "rpc_failed",
    metadata: info?.metadata ?? {},
    violations: violations.map(({ field, description }) => ({ field, description })),
    cause: error,
  });
}

function packed(type: string, value: Uint8Array): Any {
  return { typeUrl: TYPE_PREFIX + type, value: Buffer.from(value) };
}

function unpacked<T>(details: readonly Any[], type: string, codec: { decode(bytes: Uint8Array): T }): T | undefined {
  const found = details.find(({ typeUrl }) => typeUrl === TYPE_PREFIX + type);
  return found && codec.decode(found.value);
}
