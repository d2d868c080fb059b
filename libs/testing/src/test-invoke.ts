import type { Invoke } from "@millrace/frames";

const INVOKE: Invoke = {
  remainingMs: 5_000,
  depth: 0,
  attempt: 1,
  requestId: "r-1",
  traceparent: "",
  functionKey: "fn-1@1",
  route: "{}",
  method: "POST",
  target: "/",
  pathParameters: [],
  sourceIp: "192.0.2.1",
  protocol: "HTTP/1.1",
  scheme: "http",
  identity: { keyId: "", accountId: "", authType: "" },
  headers: [],
  body: new Uint8Array(),
};

/** An invocation as a gateway sends it, with nothing about it but what the test is about. */
export function testInvoke(fields: Partial<Invoke> = {}): Invoke {
  return { ...INVOKE, ...fields };
}
