import { Metadata, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import { ERROR_CODES, errorCodeOfGrpc, PlatformError } from "@millrace/errors";
import { type Any, BadRequest, ErrorInfo, Status } from "@millrace/proto/google";

// The one conversion between errors and gRPC statuses. Details travel as google.rpc.Status in `grpc-status-details-bin`.

const DETAILS_KEY = "grpc-status-details-bin";
const TYPE_PREFIX = "type.googleapis.com/google.rpc.";
const DOMAIN = "millrace";

export function toStatus(error: PlatformError): Pick<StatusObject, "code" | "details" | "metadata"> {
  const code = ERROR_CODES[error.code].grpc;
  const details = [
    packed(
      "ErrorInfo",
      ErrorInfo.encode({ reason: error.reason, domain: DOMAIN, metadata: { ...error.metadata } }).finish(),
    ),
  ];
  if (error.violations.length > 0) {
    const fieldViolations = error.violations.map((violation) => ({ ...violation, reason: "" }));
    details.push(packed("BadRequest", BadRequest.encode({ fieldViolations }).finish()));
  }
  const metadata = new Metadata();
  metadata.set(DETAILS_KEY, Buffer.from(Status.encode({ code, message: error.message, details }).finish()));
  return { code, details: error.message, metadata };
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
