import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, test } from "node:test";
import { PROFILES } from "@millrace/signing";
import { until } from "@millrace/testing";
import { HELLO, HOST, signedHeaders, startGateway } from "../testing/gateway-fixture.ts";

// Callers that leave while the gateway waits for auth to tell the key of their signature.

const AWS4 = PROFILES["AWS4-HMAC-SHA256"];
const gateway = await startGateway({ after });
const backend = { $case: "function" as const, value: HELLO };
await gateway.putVersion();
await gateway.release(
  ["GET", "POST"].map((method) => ({ apiName: method.toLowerCase(), method, path: "/hello", backend })),
  { access: 2 },
);
const runner = await gateway.startRunner();

for (const [method, body] of [
  ["GET", undefined],
  ["POST", "hi"],
] as const) {
  test(`nothing runs for who leaves while access is checked: ${method}`, async () => {
    const auth = Promise.withResolvers<void>();
    gateway.auth.answers = auth.promise;
    const key = await gateway.addAccessKey();
    await gateway.authorize(key.keyId);
    const framing = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const headers = { host: HOST, ...framing, ...signedHeaders(AWS4, key, { method, ...(body && { body }) }) };
    const asked = httpRequest({ port: gateway.port, host: "127.0.0.1", method, path: "/hello", headers, agent: false });
    asked.on("error", () => {}).end(body);
    await until(() => gateway.app.http.inFlight === 1);
    const gone = gateway.lines.length;
    asked.destroy();
    await until(() => gateway.lines.length > gone);
    auth.resolve();

    // Another one's call goes the same way behind it.
    const other = await gateway.ask({ headers: signedHeaders(AWS4, key, {}) });
    assert.equal(other.status, 200, other.body);
    const ran = runner.invocations.map(({ invoke }) => invoke.requestId);
    assert.deepEqual(ran, [other.headers["x-millrace-request-id"]]);
    runner.invocations.length = 0;
  });
}
