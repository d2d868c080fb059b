// The session is the bearer token that auth gave at sign-in, kept where no script can read it.

/** `__Host-` makes browsers refuse the cookie unless it is Secure, of this host only and for every path. */
function cookieName(secure: boolean): string {
  return secure ? "__Host-millrace_session" : "millrace_session";
}

export function sessionCookie(token: string, lifetimeSeconds: number, secure: boolean): string {
  const attributes = [
    "Path=/",
    `Max-Age=${lifetimeSeconds}`,
    "HttpOnly",
    "SameSite=Strict",
    ...(secure ? ["Secure"] : []),
  ];
  return [`${cookieName(secure)}=${encodeURIComponent(token)}`, ...attributes].join("; ");
}

export function expiredSessionCookie(secure: boolean): string {
  return sessionCookie("", 0, secure);
}

/** The token in a request's Cookie header. */
export function readSessionCookie(header: string | undefined, secure: boolean): string | undefined {
  for (const pair of (header ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === cookieName(secure) && value && /^[\w.~%-]+$/.test(value)) return decode(value);
  }
  return undefined;
}

function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
