import { TooManyLookups } from "@millrace/outbound";
import { type Refusal, refuse } from "../answering/reasons.ts";

export interface BackendFailure {
  refusal: Refusal;
  /** Another attempt would end the same way. */
  isFinal: boolean;
  /** It says nothing of how the backend does. */
  isOurs: boolean;
}

/** Codes by which the other end, or the way to it, refuses a connection. */
const UNREACHED: ReadonlySet<string> = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "EPIPE",
  "EPROTO",
  "UND_ERR_SOCKET",
]);
/** What OpenSSL and Node say of a certificate, or of a handshake, that they do not take. */
const UNTRUSTED =
  /^(?:ERR_SSL_|ERR_TLS_CERT_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_(?:CA|PURPOSE)$|PATH_LENGTH_|HOSTNAME_)/;

/** What an attempt's error means to the caller, who learns no name and no address of it. */
export function failureOf(error: Error, { isSent, hasHead }: { isSent: boolean; hasHead: boolean }): BackendFailure {
  if (error instanceof TooManyLookups) {
    const detail = "Too many names of this project's backends are being looked up.";
    return { refusal: refuse("backend_unavailable", detail), isFinal: true, isOurs: true };
  }
  const { code = "" } = error as NodeJS.ErrnoException;
  if (!isSent) return unreached(code);
  if (hasHead) return failed("The backend broke off its answer.");
  if (code === "UND_ERR_HEADERS_OVERFLOW") return failed("The headers of the backend's answer are too large.", true);
  if (code.startsWith("HPE_") || /^bad (?:response|upgrade)/.test(error.message))
    return failed("The backend answered what is not well-formed HTTP/1.1.", true);
  return failed("The backend broke off the connection without an answer.");
}

function unreached(code: string): BackendFailure {
  if (code === "EACCES") {
    const detail =
      "The platform may not connect to the backend: it has no public address that its operator has allowed.";
    return { refusal: refuse("backend_failed", detail), isFinal: true, isOurs: true };
  }
  if (code === "ENOTFOUND") return failed("The backend's name is not known.", true);
  if (code === "ETIMEDOUT")
    return {
      refusal: refuse("backend_timeout", "The backend took no connection in time."),
      isFinal: true,
      isOurs: false,
    };
  if (UNREACHED.has(code) || UNTRUSTED.test(code)) return failed(`The backend cannot be connected to (${code}).`);
  return { refusal: refuse("internal", "The gateway could not ask the backend."), isFinal: true, isOurs: true };
}

function failed(detail: string, isFinal = false): BackendFailure {
  return { refusal: refuse("backend_failed", detail), isFinal, isOurs: false };
}
