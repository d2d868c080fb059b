import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { createSecureServer } from "node:http2";
import { test } from "node:test";
import { selfSigned, testDatabase } from "@millrace/testing";
import { bundled, listening, startEgressRunner } from "./egress-fixture.ts";

// Clients that know nothing of Millrace, in a deployed function.

const HOST = "api.example.com";
const { certificate, privateKey } = selfSigned(HOST);
const answer: RequestListener = (request, response) => {
  const isSdk = request.url?.startsWith("/v1/customers") ?? false;
  response.end(isSdk ? JSON.stringify({ id: "c", object: "customer" }) : "hello");
};
const plainPort = await listening(createServer(answer));
const securePort = await listening(
  createSecureServer({ key: privateKey, cert: certificate, allowHTTP1: true }, answer as never),
);
const { url } = await testDatabase(test);
const database = new URL(url);

const { runner, skip } = await startEgressRunner();

const targets = [`${HOST}:${plainPort}`, `${HOST}:${securePort}`, `db.example.com:${database.port}`];
const record = runner.deploy(await bundled("clients-fixture.ts"), {
  shape: "fetch",
  timeoutMs: 10_000,
  environment: {
    HTTP_URL: `http://${HOST}:${plainPort}/`,
    HTTPS_URL: `https://${HOST}:${securePort}/`,
    CA: certificate,
    DATABASE_URL: Object.assign(new URL(url), { hostname: "db.example.com" }).href,
  },
  egress: { mode: "hosts", hosts: targets },
});

const EXPECTED: Record<string, string> = {
  fetch: "hello",
  http: "hello",
  httpAgent: "hello",
  https: "hello",
  httpsAgent: "hello",
  http2: "hello",
  undiciRequest: "hello",
  undiciPool: "hello",
  axios: "hello",
  axiosHttps: "hello",
  sdk: JSON.stringify(["c", "c", "c"]),
  postgres: database.pathname.slice(1),
  pg: database.pathname.slice(1),
};

for (const [client, expected] of Object.entries(EXPECTED)) {
  test(`${client} works through the relay as it is`, { skip }, async () => {
    for (const round of [1, 2]) {
      const { body, failed } = await runner.call(record, { method: "POST", body: client });
      assert.equal(failed, undefined, runner.lines().join("\n"));
      assert.equal(body.toString(), expected, `round ${round}`);
    }
  });
}
