// What gateways do with the headers of which they know something. Control-plane takes no definition that gateways would not carry out, and
// gateways do what it has taken: both ask here. Names are in lower case.

interface HeaderRow {
  /** It is of one connection: requests and answers come without it. */
  hop?: true;
  /** It ends at the gateway, or is said by gateways only: what is behind them never sees the caller's. */
  ends?: true;
  /** The gateway says it to http backends itself, whatever the caller says. */
  says?: true;
  /** A backend cannot say it to callers: the gateway does. */
  answers?: true;
  /** It proves who calls. */
  proves?: true;
}

/** What begins with `x-forwarded-` or `x-millrace-` ends at the gateway too. */
export const HEADERS: Readonly<Record<string, HeaderRow>> = {
  connection: { hop: true, ends: true },
  "keep-alive": { hop: true, ends: true },
  "proxy-authenticate": { hop: true, ends: true },
  "proxy-authorization": { hop: true, ends: true },
  "proxy-connection": { hop: true, ends: true },
  te: { hop: true, ends: true },
  trailer: { hop: true, ends: true },
  "transfer-encoding": { hop: true, ends: true },
  upgrade: { hop: true, ends: true },
  expect: { ends: true },
  forwarded: { ends: true },
  "j-forwarded-for": { ends: true },
  traceparent: { ends: true },
  tracestate: { ends: true },
  "x-jdcloud-pin": { ends: true },
  "x-jdcloud-request-id": { ends: true },
  "x-jdcloud-userid": { ends: true },
  "x-millrace-request-id": { ends: true, answers: true },
  "x-proto": { ends: true },
  "x-real-ip": { ends: true },
  "content-length": { says: true, answers: true },
  host: { says: true },
  authorization: { proves: true },
  "jdcloud-apim-subscription-key": { proves: true },
  "x-amz-security-token": { proves: true },
  "x-api-key": { proves: true },
  "x-jdcloud-security-token": { proves: true },
  "x-jdcloud-session-token": { proves: true },
};

const ENDS = namesWith("ends");
const SAYS = namesWith("says");
const PROVES = namesWith("proves");
const NOT_IN_AN_ANSWER: ReadonlySet<string> = new Set([...namesWith("hop"), ...namesWith("answers")]);
const NAME = /^[A-Za-z0-9!#$%&'*+.^`|~-]{1,256}$/;

/** Whether it is a header's name, in any case, that gateways take from callers: one with an underscore is refused with its request. */
export function isHeaderName(text: string): boolean {
  return NAME.test(text);
}

/** Whether what is behind a gateway sees the caller's. */
export function isPassedOn(name: string): boolean {
  return !ENDS.has(name) && !name.startsWith("x-forwarded-") && !name.startsWith("x-millrace-");
}

/** Whether it proves who calls: behind deployments that authorise nobody sees it. */
export function isCredential(name: string): boolean {
  return PROVES.has(name);
}

/** Whether a mapping or a constant may take it from a request to an http backend, or put it there. */
export function isMappable(name: string): boolean {
  return isPassedOn(name) && !SAYS.has(name);
}

/** Whether a routing rule may ask for it. */
export function isSeenByRules(name: string): boolean {
  return isMappable(name) && !isCredential(name);
}

/** Whether a backend, or a mock, can say it to callers. */
export function isAnswerable(name: string): boolean {
  return !NOT_IN_AN_ANSWER.has(name);
}

function namesWith(trait: keyof HeaderRow): ReadonlySet<string> {
  return new Set(Object.keys(HEADERS).filter((name) => HEADERS[name]![trait]));
}
