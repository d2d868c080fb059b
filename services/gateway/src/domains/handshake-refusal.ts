/** Why a TLS handshake came to nothing: nobody is told the reason, and the caller's word for it is not looked at. */
export type HandshakeRefusal = "no_certificate" | "no_agreement" | "caller_refused" | "caller_left" | "timeout";

export const NO_CERTIFICATE = new Error("no certificate is for the name that the caller asks for");

/** What is no TLS at all, too old, or without a common cipher or protocol is `no_agreement`. */
export function handshakeRefusalOf(error: NodeJS.ErrnoException): HandshakeRefusal {
  if (error === NO_CERTIFICATE) return "no_certificate";
  const { code = "" } = error;
  if (code === "ERR_TLS_HANDSHAKE_TIMEOUT") return "timeout";
  if (code === "ECONNRESET" || code === "EPIPE") return "caller_left";
  return code.includes("_ALERT_") ? "caller_refused" : "no_agreement";
}
