import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { after, test } from "node:test";
import { until } from "@millrace/testing";
import { verify } from "../../../../clients/verify/verify.js";
import { bodyOf, httpRoute, LOOPBACK_ALLOWED, startBackend, startRawBackend } from "../testing/backend-fixture.ts";
import { HOST, LABEL, startGateway } from "../testing/gateway-fixture.ts";

const gateway = await startGateway({ after }, { outbound: { allow: LOOPBACK_ALLOWED } });
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Routes every method to the backend and answers what the gateway answers. */
async function releaseTo(url: string, fields: Parameters<typeof httpRoute>[1] = {}, record = {}) {
  await gateway.release(
    METHODS.map((method) => httpRoute(url, { apiName: method, ...fields, method })),
    record,
  );
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

test("method, path, query, headers and body go on; status, headers and body come back", async (t) => {
  const backend = await startBackend(t, async (request, response) => {
    const body = (await bodyOf(request)).toString();
    const { method, url } = request;
    response.writeHead(201, { "x-own": "b", "set-cookie": ["a=1", "b=2"], "content-type": "application/json" });
    response.end(JSON.stringify({ method, url, body, headers: request.headers }));
  });
  await releaseTo(`${backend.url}/base`);
  const ask = { method: "POST", path: "/a%20b/c?q=1&q=%2F", body: "hello", headers: { "x-mine": "1", cookie: "c=d" } };
  const answer = await gateway.ask(ask);
  assert.equal(answer.status, 201);
  assert.deepEqual([answer.headers["x-own"], answer.headers["set-cookie"]], ["b", ["a=1", "b=2"]]);
  const { method, url, body, headers } = JSON.parse(answer.body);
  assert.deepEqual([method, url, body], ["POST", "/base/a%20b/c?q=1&q=%2F", "hello"]);
  assert.deepEqual([headers["x-mine"], headers.cookie], ["1", "c=d"]);
  assert.equal(headers.host, `127.0.0.1:${backend.port}`);
});

test("the backend hears who called from the gateway alone, and nothing that is for the hop before", async (t) => {
  const backend = await startBackend(t, (request, response) => void response.end(JSON.stringify(request.rawHeaders)));
  await releaseTo(backend.url);
  const forged = {
    "x-forwarded-for": "6.6.6.6",
    forwarded: "for=6.6.6.6",
    "x-jdcloud-pin": "root",
    "x-millrace-request-id": "forged",
    "x-millrace-signature": "forged",
    "x-real-ip": "6.6.6.6",
    te: "trailers",
    "x-hop": "1",
    "keep-alive": "timeout=1",
    "proxy-authorization": "secret",
    connection: "keep-alive, x-hop",
  };
  const answer = await gateway.ask({ headers: forged });
  const raw: string[] = JSON.parse(answer.body);
  const seen = (name: string) => raw.filter((_, at) => at % 2 === 1 && raw[at - 1] === name);
  for (const name of ["x-jdcloud-pin", "x-millrace-signature", "x-real-ip", "te", "x-hop", "keep-alive"])
    assert.deepEqual(seen(name), [], name);
  assert.deepEqual(seen("proxy-authorization"), []);
  assert.deepEqual(seen("x-forwarded-for"), ["127.0.0.1"]);
  assert.deepEqual(seen("forwarded"), [`for=127.0.0.1;host="${HOST}";proto=http`]);
  assert.deepEqual(seen("x-forwarded-host"), [HOST]);
  assert.deepEqual(seen("x-millrace-request-id"), [answer.headers["x-millrace-request-id"]]);
  assert.match(seen("traceparent").join(), /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
  assert.deepEqual([seen("host"), seen("content-length")], [[`127.0.0.1:${backend.port}`], []]);
});

test("the backend of a group with a prefix is asked without it, and with the caller's host if it is to be", async (t) => {
  const backend = await startBackend(t, ({ url, headers }, response) => void response.end(`${headers.host} ${url}`));
  const routes = [httpRoute(backend.url, { path: "/store", forwardHost: true })];
  await gateway.release(routes, {}, { prefix: "/store" });
  assert.equal((await gateway.ask({ path: "/store/pets?x" })).body, `${HOST} /pets?x`);
  assert.equal((await gateway.ask({ path: "/%73tore?x" })).body, `${HOST} /?x`);
});

test("a mapping makes another request of the caller's, and refuses what it cannot make one of", async (t) => {
  const backend = await startBackend(t, ({ method, url, headers }, response) => {
    response.end(`${method} ${url} ${headers["x-limit"]} ${headers["x-source"]}`);
  });
  const mapping = {
    method: "POST",
    path: "/items/{id}",
    parameters: [{ name: "limit", location: "query", backendName: "X-Limit", backendLocation: "header" }],
    constants: [{ name: "x-source", location: "header", value: "shop" }],
  };
  const route = httpRoute(`${backend.url}/v2`, { path: "/pets/{id}", prefixMatch: false, mapping });
  await gateway.release([route]);
  const headers = { "x-source": "forged" };
  assert.equal(
    (await gateway.ask({ path: "/pets/a%20b?limit=3&q=1", headers })).body,
    "POST /v2/items/a%20b?q=1 3 shop",
  );
  const refused = await gateway.ask({ path: "/pets/7?limit=%0d%0ax:y" });
  assert.deepEqual([refused.status, refused.problem.reason], [400, "request_invalid"]);
  assert.match(refused.problem.detail, /query parameter limit/);
});

test("a rule sends requests of routes with the environment's backend elsewhere, and no others", async (t) => {
  const usual = await startBackend(t, ({ url }, response) => void response.end(`usual ${url}`));
  const canary = await startBackend(t, ({ url }, response) => void response.end(`canary ${url}`));
  const routes = [
    httpRoute(usual.url, { hasRules: true, mapping: { method: "", path: "/mapped", parameters: [], constants: [] } }),
    httpRoute(usual.url, { path: "/own" }),
  ];
  const { backend } = httpRoute(canary.url);
  const named = { $case: "mock" as const, value: { body: Buffer.from("mocked") } };
  const routingRules = [
    { name: "canary", headers: [{ name: "X-Canary", value: "1" }], backend },
    { name: "mock", query: [{ name: "mock", value: "yes" }], backend: named },
  ];
  await gateway.release(routes, {}, { routingRules });
  const headers = { "x-canary": "1" };
  assert.equal((await gateway.ask({ path: "/a" })).body, "usual /mapped/a");
  assert.equal((await gateway.ask({ path: "/a?mock=yes", headers })).body, "canary /mapped/a?mock=yes");
  const mocked = await gateway.ask({ path: "/a?mock=yes" });
  assert.equal(mocked.body, "mocked");
  assert.equal((await gateway.ask({ path: "/own/a?mock=yes", headers })).body, "usual /own/a?mock=yes");
  const line = await until(() =>
    gateway.lines.find(({ requestId }) => requestId === mocked.headers["x-millrace-request-id"]),
  );
  assert.deepEqual([line.component, line.api], ["gateway", "proxied"]);
});

test("what a backend is sent is signed with a key of the project, while that may be used", async (t) => {
  const { keyId, secret } = await gateway.addAccessKey();
  const backend = await startBackend(t, async (request, response) => {
    const { method, url: target, headers } = request;
    const received = { method: method!, target: target!, headers };
    const body = await bodyOf(request);
    const isStreamed = headers["x-millrace-content-sha256"] === "STREAMED";
    const options = { secretOf: (id: string) => (id === keyId ? secret : undefined), deployment: LABEL };
    const verified = await verify(isStreamed ? received : { ...received, body }, options).catch(
      (error) => error.reason,
    );
    response.end(JSON.stringify(verified));
  });
  const route = (method: string, signingKey = keyId) => httpRoute(`${backend.url}/v1`, { method, signingKey });
  const record = { deployment: "projects/callers/groups/g/deployments/online" };
  await gateway.release([route("GET"), route("POST")], record);
  const headers = { "x-millrace-signature": "forged", "x-millrace-date": "forged" };
  const answer = await gateway.ask({ path: "/a%20b?q=1", headers });
  const requestId = answer.headers["x-millrace-request-id"];
  assert.deepEqual(JSON.parse(answer.body), { keyId, deployment: LABEL, requestId, coversBody: true });
  const posted = await gateway.ask({ method: "POST", body: "hello", headers: { "content-type": "text/plain" } });
  assert.equal(JSON.parse(posted.body).coversBody, true);
  const streamed = await gateway.ask({ method: "POST", body: Buffer.alloc(200_000) });
  assert.equal(JSON.parse(streamed.body).coversBody, false);
  await gateway.release([route("GET"), route("POST")], { deployment: "projects/others/groups/g/deployments/online" });
  const foreign = await gateway.ask();
  assert.deepEqual([foreign.status, foreign.problem.reason], [502, "backend_failed"]);
  gateway.auth.available = false;
  const fresh = await gateway.addAccessKey();
  await gateway.release([route("GET", fresh.keyId)], record);
  const unsigned = await gateway.ask();
  gateway.auth.available = true;
  assert.deepEqual([unsigned.status, unsigned.problem.reason], [503, "auth_unavailable"]);
});

test("bodies of any size stream both ways, framed by length or by chunks, and arrive whole", async (t) => {
  const backend = await startBackend(t, (request, response) => {
    response.setHeader(
      "x-framing",
      request.headers["transfer-encoding"] ?? request.headers["content-length"] ?? "none",
    );
    request.pipe(response);
  });
  await releaseTo(backend.url);
  const sent = randomBytes(24 * 1024 * 1024);
  for (const framing of [{ "content-length": String(sent.length) }, { "transfer-encoding": "chunked" }]) {
    const asked = httpRequest({ port: gateway.port, method: "PUT", path: "/up", headers: { host: HOST, ...framing } });
    const answered = once(asked, "response");
    asked.end(sent);
    const [response] = (await answered) as [IncomingMessage];
    assert.equal(sha256(await bodyOf(response)), sha256(sent));
    assert.equal(response.headers["x-framing"], Object.values(framing)[0]);
  }
});

test("a backend that is not read from is not read from: memory is bounded by buffers, not by bodies", async (t) => {
  let written = 0;
  let isBlocked = false;
  const piece = Buffer.alloc(64 * 1024);
  const backend = await startBackend(t, (_, response) => {
    const write = () => {
      while (written < 512 * 1024 * 1024) {
        written += piece.length;
        if (!response.write(piece)) {
          isBlocked = true;
          response.once("drain", write);
          return;
        }
      }
    };
    write();
  });
  await releaseTo(backend.url);
  const socket = connect(gateway.port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.write(`GET /big HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
  socket.pause();
  const seen = { written: -1, atMs: 0 };
  await until(() => {
    if (seen.written !== written) Object.assign(seen, { written, atMs: performance.now() });
    return isBlocked && performance.now() - seen.atMs > 300;
  });
  assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken although nobody reads them`);
});

test("an answer that comes in pieces goes on as it comes, and its head before all of them", async (t) => {
  const pieces = Promise.withResolvers<void>();
  const backend = await startBackend(t, async (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    await pieces.promise;
    response.end("data: 1\n\n");
  });
  await releaseTo(backend.url);
  const asked = httpRequest({ port: gateway.port, path: "/events", headers: { host: HOST } });
  const answered = once(asked, "response");
  asked.end();
  const [response] = (await answered) as [IncomingMessage];
  assert.equal(response.headers["content-type"], "text/event-stream");
  pieces.resolve();
  assert.equal((await bodyOf(response)).toString(), "data: 1\n\n");
});

test("HEAD, 204, 205 and 304 have no body, and what is said of its length stays", async (t) => {
  const backend = await startBackend(t, ({ url }, response) => {
    const status = Number(url!.slice(1));
    response.writeHead(status, status === 200 || status === 304 ? { "content-length": 5, etag: '"e"' } : {});
    response.end();
  });
  await releaseTo(backend.url);
  const head = await gateway.ask({ method: "HEAD", path: "/200" });
  assert.deepEqual([head.status, head.headers["content-length"], head.headers.etag], [200, "5", '"e"']);
  const lengths = { 204: undefined, 205: "0", 304: "5" };
  for (const [status, length] of Object.entries(lengths)) {
    const answer = await gateway.ask({ path: `/${status}` });
    assert.deepEqual([String(answer.status), answer.headers["content-length"], answer.body], [status, length, ""]);
  }
  assert.equal((await gateway.ask({ path: "/204" })).status, 204, "the connection is still in step");
});

test("who expects 100-continue is told so by the gateway once the backend is there, and sends its body", async (t) => {
  const backend = await startBackend(t, async (request, response) => void response.end(await bodyOf(request)));
  await releaseTo(backend.url);
  const headers = { host: HOST, expect: "100-continue", "content-length": 5 };
  const asked = httpRequest({ port: gateway.port, method: "POST", path: "/", headers });
  const answered = once(asked, "response");
  asked.flushHeaders();
  await once(asked, "continue");
  asked.end("hello");
  const [response] = (await answered) as [IncomingMessage];
  assert.equal((await bodyOf(response)).toString(), "hello");
});

test("redirects go to the caller and are not followed", async (t) => {
  let hits = 0;
  const target = await startBackend(t, (_, response) => void response.end(String(++hits)));
  const backend = await startBackend(t, (_, response) => {
    response.writeHead(302, { location: `${target.url}/secret` }).end();
  });
  await releaseTo(backend.url);
  const answer = await gateway.ask();
  assert.deepEqual([answer.status, answer.headers.location, hits], [302, `${target.url}/secret`, 0]);
});

test("interim responses are passed over; an upgrade that nobody asked for is refused", async (t) => {
  const answers: Record<string, string> = {
    "/103": "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/101": "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
  };
  const backend = await startRawBackend(t, (socket, text) => socket.write(answers[text.split(" ")[1]!]!));
  await releaseTo(backend.url);
  assert.deepEqual([(await gateway.ask({ path: "/103" })).body], ["ok"]);
  const refused = await gateway.ask({ path: "/101" });
  assert.deepEqual([refused.status, refused.problem.reason], [502, "backend_failed"]);
});

test("a backend's own errors are its answers: they are neither tried again nor rewritten", async (t) => {
  let hits = 0;
  const backend = await startBackend(t, (_, response) => void response.writeHead(503).end(String(++hits)));
  await releaseTo(backend.url, { retries: 3 });
  const answer = await gateway.ask();
  assert.deepEqual([answer.status, answer.body], [503, "1"]);
  const line = await until(() =>
    gateway.lines.find(({ requestId }) => requestId === answer.headers["x-millrace-request-id"]),
  );
  assert.deepEqual([line.status, line.reason, line.component], [503, "", "backend"]);
});

test("connections are kept and used again", async (t) => {
  const backend = await startBackend(t, (_, response) => void response.end("ok"));
  await releaseTo(backend.url);
  for (let i = 0; i < 5; i++) assert.equal((await gateway.ask()).status, 200);
  assert.equal(backend.connections, 1);
  assert.equal(gateway.app.backends.origins.calls, 0);
});

test("a chain of gateways and backends that call each other ends", async (t) => {
  const backend = await startBackend(t, async (request, response) => {
    const depth = String(request.headers["x-millrace-depth"]);
    const inner = await gateway.ask({ headers: { "x-millrace-depth": depth } });
    response.writeHead(inner.status).end(inner.body);
  });
  await releaseTo(backend.url);
  const answer = await gateway.ask();
  assert.deepEqual([answer.status, JSON.parse(answer.body).reason], [503, "overloaded"]);
});
