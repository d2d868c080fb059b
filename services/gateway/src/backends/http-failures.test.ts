import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect } from "node:net";
import { after, test } from "node:test";
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from "node:tls";
import { OUTBOUND_LIMITS, readAddress } from "@millrace/outbound";
import { selfSigned, until } from "@millrace/testing";
import { BACKEND_LIMITS } from "../limits.ts";
import { httpRoute, LOOPBACK_ALLOWED, startBackend, startRawBackend } from "../testing/backend-fixture.ts";
import { type Answer, HOST, startGateway } from "../testing/gateway-fixture.ts";

/** Names that a test points somewhere. */
const names = new Map<string, () => string[]>();
const resolve = async (host: string) => {
  const found =
    names
      .get(host)?.()
      .flatMap((address) => readAddress(address) ?? []) ?? [];
  if (host.endsWith(".hangs.example")) return new Promise<never>(() => {});
  if (found.length === 0) throw Object.assign(new Error("unknown"), { code: "ENOTFOUND" });
  return found;
};
const gateway = await startGateway({ after }, { outbound: { allow: LOOPBACK_ALLOWED, resolve } });
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];

async function releaseTo(url: string, fields: Parameters<typeof httpRoute>[1] = {}) {
  await gateway.release(METHODS.map((method) => httpRoute(url, { apiName: method, ...fields, method })));
}

const told = ({ status, problem }: Answer) => [status, problem.reason, problem.component];
const FAILED = [502, "backend_failed", "backend"];
const TIMED_OUT = [504, "backend_timeout", "backend"];
const UNAVAILABLE = [503, "backend_unavailable", "backend"];
const circuitOf = (url: string) => gateway.app.backends.origins.of("p", url)!.circuit.state(performance.now());
const isIdle = () => until(() => gateway.app.backends.origins.calls === 0);

test("a backend that does not answer in time is 504, and is let go of", async (t) => {
  let closed = 0;
  const backend = await startBackend(t, (request) => void request.socket.once("close", () => closed++));
  await releaseTo(backend.url, { timeoutMs: 150 });
  const startedAt = performance.now();
  assert.deepEqual(told(await gateway.ask()), TIMED_OUT);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 150 && tookMs < 1_000, `${tookMs} ms`);
  await until(() => closed === 1);
  await isIdle();
  assert.equal(backend.connections, 1, "it was not tried again");
});

test("headers that come by drops do not stretch the time", async (t) => {
  const backend = await startRawBackend(t, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\n");
    const drops = setInterval(() => socket.write("x: y\r\n"), 20);
    socket.once("close", () => clearInterval(drops));
  });
  await releaseTo(backend.url, { timeoutMs: 200 });
  assert.deepEqual(told(await gateway.ask()), TIMED_OUT);
});

test("a slow caller is not held against the backend, and a backend that stops reading is", async (t) => {
  const backend = await startBackend(t, (request, response) => {
    if (request.url === "/deaf") request.pause();
    else request.resume().once("end", () => response.end("ok"));
  });
  await releaseTo(backend.url, { timeoutMs: 200 });
  const headers = { host: HOST, "transfer-encoding": "chunked" };
  const slow = httpRequest({ port: gateway.port, method: "POST", path: "/", headers });
  const answered = once(slow, "response");
  slow.write("a");
  await until(() => backend.connections > 0);
  await new Promise((done) => setTimeout(done, 500));
  slow.end("b");
  assert.equal((await answered)[0].statusCode, 200);
  const body = Buffer.alloc(9 * 1024 * 1024);
  assert.deepEqual(told(await gateway.ask({ method: "POST", path: "/deaf", body })), TIMED_OUT);
});

test("an answer that stops or breaks in its middle breaks the caller's connection, so that no part looks whole", async (t) => {
  const starts: Record<string, (write: (text: string) => void, socket: import("node:net").Socket) => void> = {
    "/stops": (write) => write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
    "/breaks": (write, socket) => {
      write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
      setTimeout(() => socket.resetAndDestroy(), 20);
    },
    "/ends": (write, socket) => {
      write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
      setTimeout(() => socket.end(), 20);
    },
    "/garbage": (write) => write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n"),
  };
  const backend = await startRawBackend(t, (socket, text) => {
    starts[text.split(" ")[1]!]!((piece) => socket.write(piece), socket);
  });
  await releaseTo(backend.url, { timeoutMs: 200 });
  for (const path of Object.keys(starts)) {
    await assert.rejects(gateway.ask({ path }), /ECONNRESET|aborted|socket hang up/, path);
  }
  await isIdle();
});

test("answers that two readers could understand differently are refused", async (t) => {
  const answers = {
    "/two-lengths": "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "/both-framings": "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "/signed-length": "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nab",
    "/folded": "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
    "/bare-lf": "HTTP/1.1 200 OK\nx: a\ncontent-length: 0\n\n",
    "/space": "HTTP/1.1 200 OK\r\nx : a\r\ncontent-length: 0\r\n\r\n",
    "/nul": "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
    "/cr": "HTTP/1.1 200 OK\r\nx: a\rset-cookie: b\r\ncontent-length: 0\r\n\r\n",
    "/status": "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n",
    "/no-http": "SSH-2.0-OpenSSH_9.2\r\n",
    "/huge": `HTTP/1.1 200 OK\r\nx: ${"y".repeat(BACKEND_LIMITS.responseHeadBytesMax)}\r\n\r\n`,
    "/many": `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(3_000)}\r\n`,
  };
  const backend = await startRawBackend(t, (socket, text) => {
    socket.write(answers[text.split(" ")[1] as keyof typeof answers], "latin1");
  });
  for (const path of Object.keys(answers)) {
    await releaseTo(backend.url, { timeoutMs: 2_000, retries: 0, apiName: path.slice(1) });
    const answer = await gateway.ask({ path });
    assert.deepEqual(told(answer), FAILED, `${path}: ${answer.body}`);
  }
});

test("bytes behind an answer are nobody's answer", async (t) => {
  const backend = await startRawBackend(t, (socket) => {
    const smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood${smuggled}`);
  });
  await releaseTo(backend.url);
  for (let i = 0; i < 4; i++) {
    const answer = await gateway.ask().catch(() => ({ body: "good" }));
    assert.notEqual(answer.body, "evil");
  }
});

test("a kept connection that ends just then costs safe requests nothing, and unsafe ones are not sent twice", async (t) => {
  const seen: string[] = [];
  let breaks = false;
  const backend = await startRawBackend(t, (socket, text) => {
    seen.push(text.split(" ")[0]!);
    if (breaks) {
      breaks = false;
      socket.resetAndDestroy();
    } else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  });
  await releaseTo(backend.url);
  assert.equal((await gateway.ask()).status, 200);
  breaks = true;
  assert.equal((await gateway.ask()).status, 200);
  assert.deepEqual(seen, ["GET", "GET", "GET"]);
  for (const method of ["POST", "PUT", "DELETE"]) {
    seen.length = 0;
    breaks = true;
    assert.deepEqual(told(await gateway.ask({ method, body: "x" })), FAILED);
    assert.deepEqual(seen, [method]);
  }
});

test("retries are as many as the backend's configuration says", async (t) => {
  let hits = 0;
  const backend = await startRawBackend(t, (socket) => {
    hits++;
    socket.resetAndDestroy();
  });
  for (const retries of [0, 1, 3]) {
    hits = 0;
    await releaseTo(backend.url, { retries });
    assert.deepEqual(told(await gateway.ask()), FAILED);
    assert.equal(hits, retries + 1);
  }
});

test("a backend that is not there is 502 at once", async (t) => {
  const backend = await startBackend(t, () => undefined);
  backend.server.close();
  await releaseTo(backend.url);
  assert.deepEqual(told(await gateway.ask()), FAILED);
  assert.deepEqual(told(await gateway.ask({ method: "POST", body: "x" })), FAILED);
  await releaseTo("http://nowhere.example");
  const unknown = await gateway.ask();
  assert.deepEqual(told(unknown), FAILED);
  assert.doesNotMatch(unknown.body, /nowhere/);
});

test("TLS goes by the name in the URL, and by certificates that somebody vouches for", async (t) => {
  const { certificate: cert, privateKey: key } = selfSigned("secure.example");
  const asked: unknown[] = [];
  const server = createHttpsServer({ cert, key }, (request, response) => {
    const { servername, alpnProtocol } = request.socket as TLSSocket;
    asked.push([servername, alpnProtocol, request.headers.host]);
    request.pipe(response);
  });
  let connections = 0;
  server.on("secureConnection", () => connections++).listen(0, "127.0.0.1");
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  for (const name of ["secure.example", "other.example"]) names.set(name, () => ["127.0.0.1"]);
  await releaseTo(`https://secure.example:${port}`, { forwardHost: true });
  assert.deepEqual(told(await gateway.ask()), FAILED, "nobody vouches for it yet");
  const usual = getCACertificates("default");
  setDefaultCACertificates([...usual, cert]);
  t.after(() => setDefaultCACertificates(usual));
  for (let i = 0; i < 3; i++) assert.equal((await gateway.ask({ method: "POST", body: "hello" })).body, "hello");
  assert.deepEqual(asked, Array(3).fill(["secure.example", "http/1.1", HOST]));
  assert.equal(connections, 1);
  await releaseTo(`https://other.example:${port}`);
  assert.deepEqual(told(await gateway.ask()), FAILED, "the certificate is not for that name");
});

test("an answer that comes before the body was read reaches the caller, and the rest of the body nobody", async (t) => {
  const backend = await startBackend(t, (_, response) => void response.writeHead(413).end("too much"));
  await releaseTo(backend.url);
  const body = Buffer.alloc(8 * 1024 * 1024);
  for (let i = 0; i < 3; i++) {
    const answer = await gateway.ask({ method: "POST", body });
    assert.deepEqual([answer.status, answer.body], [413, "too much"]);
  }
  await isIdle();
  assert.equal((await gateway.ask({ method: "POST", body: "x" })).status, 413);
});

test("many requests at a time share the connections that a backend may have", async (t) => {
  const { connectionsPerOriginMax } = BACKEND_LIMITS;
  const waiting: (() => void)[] = [];
  const backend = await startBackend(t, (_, response) => void waiting.push(() => response.end("ok")));
  await releaseTo(backend.url);
  const asked = Array.from({ length: connectionsPerOriginMax + 50 }, () => gateway.ask());
  await until(() => gateway.app.backends.origins.calls === asked.length);
  await until(() => waiting.length === connectionsPerOriginMax);
  assert.equal(backend.connections, connectionsPerOriginMax);
  const rest = until(() => {
    for (const answer of waiting.splice(0)) answer();
    return gateway.app.backends.origins.calls === 0;
  });
  for (const { status } of await Promise.all(asked)) assert.equal(status, 200);
  await rest;
  assert.equal(backend.connections, connectionsPerOriginMax);
});

test("addresses that the operator has not allowed are not connected to, however they are written or named", async (t) => {
  const { port } = await startBackend(t, (_, response) => void response.end("secret"));
  const closed = await startGateway(t, { outbound: { resolve } });
  names.set("inside.example", () => ["127.0.0.1"]);
  names.set("mixed.example", () => ["10.0.0.1", "::1", "fe80::1"]);
  const literals = ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost", "a.localhost", "[::1]"];
  const more = ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "0.0.0.0", "169.254.169.254", "10.0.0.1"];
  for (const host of [...literals, ...more, "inside.example", "INSIDE.example.", "mixed.example", "①②⑦.⓪.⓪.①"]) {
    await closed.release([
      httpRoute(`http://${host}:${port}`, { timeoutMs: 2_000, apiName: Buffer.from(host).toString("hex") }),
    ]);
    const answer = await closed.ask();
    assert.deepEqual(told(answer), FAILED, host);
    assert.match(answer.problem.detail, /operator/, host);
  }
  assert.equal(closed.app.backends.origins.openCircuits, 0, "the backend is not to blame");
});

test("a name that is looked up anew is judged anew", async (t) => {
  const backend = await startBackend(t, (_, response) => void response.end("ok"));
  const answers = [["127.0.0.1"], ["10.9.9.9"]];
  names.set("rebinds.example", () => answers.shift() ?? ["10.9.9.9"]);
  await releaseTo(`http://rebinds.example:${backend.port}`);
  assert.equal((await gateway.ask()).body, "ok");
  backend.server.closeAllConnections();
  const refused = await until(async () => {
    const answer = await gateway.ask();
    backend.server.closeAllConnections();
    return answer.status === 502 && answer;
  });
  assert.match(refused.problem.detail, /operator/);
});

test("a backend that fails is left alone after a while, and asked again when it is well", async (t) => {
  let hits = 0;
  let isWell = false;
  const backend = await startRawBackend(t, (socket) => {
    hits++;
    if (isWell) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    else socket.resetAndDestroy();
  });
  await releaseTo(backend.url, { retries: 0 });
  const refused = await until(async () => {
    const answer = await gateway.ask();
    return answer.problem.reason === "backend_unavailable" && answer;
  });
  assert.deepEqual(told(refused), UNAVAILABLE);
  assert.ok(Number(refused.headers["retry-after"]) > 0);
  assert.equal(hits, BACKEND_LIMITS.circuit.callsMin);
  assert.equal(circuitOf(backend.url), "open");
  isWell = true;
  await until(async () => (await gateway.ask()).status === 200, {
    timeoutMs: BACKEND_LIMITS.circuit.openMs.first + 2_000,
  });
  await until(async () => {
    await gateway.ask();
    return circuitOf(backend.url) === "closed";
  });
});

test("one caller's leaving ends its request at the backend, and says nothing against the backend", async (t) => {
  let closed = 0;
  let begun = 0;
  const backend = await startBackend(t, (request) => {
    begun++;
    request.socket.once("close", () => closed++);
  });
  await releaseTo(backend.url);
  const count = BACKEND_LIMITS.circuit.callsMin + 5;
  const sockets = Array.from({ length: count }, () => connect(gateway.port, "127.0.0.1"));
  for (const socket of sockets) socket.write(`GET / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
  await until(() => begun === count);
  for (const socket of sockets) socket.destroy();
  await until(() => closed === count);
  await isIdle();
  assert.equal(circuitOf(backend.url), "closed");
});

test("what a project does to a backend is not another project's trouble", async (t) => {
  const backend = await startRawBackend(t, (socket, text) => {
    if (text.startsWith("GET /well")) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    else socket.resetAndDestroy();
  });
  await releaseTo(backend.url, { retries: 0 });
  await until(async () => (await gateway.ask()).problem.reason === "backend_unavailable");
  const deployment = "projects/other/groups/g/deployments/online";
  const record = { deployment, hostLabel: "otherotherot" };
  await gateway.release([httpRoute(backend.url)], record);
  const host = HOST.replace(/^\w+/, "otherotherot");
  assert.equal((await gateway.ask({ host, path: "/well" })).status, 200);
});

test("a project whose names are never found takes no other project's way to its own", async (t) => {
  const backend = await startBackend(t, (_, response) => response.end("ok"));
  names.set("good.example", () => ["127.0.0.1"]);
  const count = OUTBOUND_LIMITS.lookupsMax;
  const hanging = Array.from({ length: count }, (_, i) =>
    httpRoute(`http://${i}.hangs.example`, { apiName: `a-${i}`, path: `/${i}`, timeoutMs: 2_000 }),
  );
  await gateway.release(hanging);
  const asked = Promise.all(hanging.map(({ path }) => gateway.ask({ path })));
  await until(() => gateway.app.backends.origins.calls === count);
  const url = backend.url.replace("127.0.0.1", "good.example");
  const record = { deployment: "projects/good/groups/g/deployments/online", hostLabel: "goodgoodgood" };
  await gateway.release([httpRoute(url)], record);
  const host = HOST.replace(/^\w+/, "goodgoodgood");
  assert.equal((await gateway.ask({ host })).status, 200);
  assert.equal(gateway.app.backends.origins.calls, count, "the others wait still");
  for (const answer of await asked) assert.deepEqual(told(answer), TIMED_OUT);
});
