import { type ErrorCode, PlatformError } from "@millrace/errors";
import type { Peer } from "./catalogue.ts";

/** What a failure of the transport is called; grpc-js's own words name addresses. */
const TRANSPORT_REASON = "rpc_failed";

const MESSAGES: Partial<Record<ErrorCode, { reason: string; message: (peer: Peer) => string }>> = {
  unavailable: { reason: "peer_unavailable", message: (peer) => `${peer} does not answer.` },
  deadline_exceeded: { reason: "peer_timeout", message: (peer) => `${peer} did not answer in time.` },
  cancelled: { reason: "cancelled", message: () => "The call was cancelled." },
};

/** Throws the error of a call to a peer: the peer's own as it is, one of the transport in words for strangers. */
export function throwPeerFailure(peer: Peer): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof PlatformError) || error.reason !== TRANSPORT_REASON) throw error;
    const { reason, message } = MESSAGES[error.code] ?? {
      reason: "peer_failed",
      message: () => `${peer} could not answer this.`,
    };
    throw new PlatformError(error.code, message(peer), { reason, internal: error.message, cause: error });
  };
}
