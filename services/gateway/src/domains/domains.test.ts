import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { KEYS } from "@millrace/bus";
import { PROFILES } from "@millrace/signing";
import { selfSigned, until } from "@millrace/testing";
import { HELLO, HOST, LABEL, REGION, signedHeaders, startGateway } from "../testing/gateway-fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "gateway-domains-"));
after(() => rmSync(folder, { recursive: true }));
const platformFiles = { certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") };
function renewPlatform(pair: { certificate: string; privateKey: string }): void {
  writeFileSync(platformFiles.key, pair.privateKey);
  writeFileSync(platformFiles.certificate, pair.certificate);
}
renewPlatform(selfSigned(`*.${REGION}.localhost`));

const TEST_LABEL = `${LABEL}-test`;
const gateway = await startGateway(
  { after },
  { https: { platformCertificate: platformFiles, handshakeTimeoutMs: 1_000 } },
);
const { app, put } = gateway;
const mockRoute = (body: string) => ({
  apiName: "hello",
  method: "GET",
  path: "/hello",
  backend: { $case: "mock" as const, value: { status: 200, headers: {}, body: Buffer.from(body) } },
});
await gateway.release([mockRoute("online")]);
await gateway.release([mockRoute("test")], { hostLabel: TEST_LABEL, environment: "test" });

const API = "api.shop.example";
const OTHER = "www.other.example";
const shop = selfSigned(API);
await gateway.putDomain(API, LABEL, shop);
await gateway.putDomain(OTHER, TEST_LABEL, selfSigned(OTHER));

interface TlsAsk extends ConnectionOptions {
  host?: string;
  path?: string;
}

async function open(servername: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    port: app.http.httpsPort!,
    host: "127.0.0.1",
    servername,
    rejectUnauthorized: false,
    ...options,
  });
  after(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

/** Node closes the connection without a word. */
const REFUSED = { code: "ECONNRESET" };

const shownOn = (socket: TLSSocket) => new X509Certificate(socket.getPeerCertificate(true).raw).fingerprint256;
const printOf = ({ certificate }: { certificate: string }) => new X509Certificate(certificate).fingerprint256;

/** Asks on an open connection and leaves it open. */
async function askOn(socket: TLSSocket, host: string, path = "/hello") {
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  let text = "";
  while (!/\r\n\r\n/.test(text) || text.length < text.indexOf("\r\n\r\n") + 4 + lengthIn(text)) {
    text += (await once(socket, "data"))[0];
  }
  const [head = "", body = ""] = text.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), closes: /^connection: close$/im.test(head), body };
}

const lengthIn = (text: string) => Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);

async function askTls(servername: string, { host = servername, path, ...options }: TlsAsk = {}) {
  const socket = await open(servername, options);
  const answer = await askOn(socket, host, path);
  socket.destroy();
  return answer;
}

const misdirected = ({ status, body }: { status: number; body: string }) => {
  assert.equal(status, 421);
  assert.equal(JSON.parse(body).reason, "misdirected_request");
};

test("a custom host leads to its deployment, in the clear and over TLS with its own certificate", async () => {
  assert.equal((await gateway.ask({ host: API })).body, "online");
  assert.equal((await gateway.ask({ host: `${API.toUpperCase()}:8080` })).body, "online");
  assert.deepEqual(await askTls(API), { status: 200, closes: false, body: "online" });
  assert.equal((await askTls(OTHER)).body, "test");
  const socket = await open(API.toUpperCase());
  assert.equal(shownOn(socket), printOf(shop));
  assert.equal(socket.getProtocol(), "TLSv1.3");
  assert.equal((await askOn(socket, API)).body, "online");
});

test("only the whole host counts: what is above it, under it or much like it leads nowhere", async () => {
  for (const host of ["shop.example", `a.${API}`, `${API}.`, `x${API}`, `${API}.${REGION}.localhost`]) {
    assert.equal((await gateway.ask({ host })).problem.reason, "no_deployment", host);
  }
});

test("under a custom host the path form leads nowhere, also while the host is bound to nothing", async () => {
  const path = `/~${LABEL}/test/hello`;
  assert.equal((await gateway.ask({ host: API, path })).problem.reason, "no_route");
  await gateway.putDomain("idle.example", "");
  assert.equal((await gateway.ask({ host: "idle.example", path })).problem.reason, "no_deployment");
  assert.equal((await gateway.ask({ host: "nobody.example", path })).body, "test");
});

test("a host that is moved to another deployment answers from there at once, on connections that are open too", async () => {
  const host = "moving.example";
  const pair = selfSigned(host);
  await gateway.putDomain(host, LABEL, pair);
  const socket = await open(host);
  assert.equal((await askOn(socket, host)).body, "online");
  await gateway.putDomain(host, TEST_LABEL, pair);
  assert.equal((await askOn(socket, host)).body, "test");
  await put.releases.delete(KEYS.domain(host));
  await until(() => app.domains.get(host) === undefined);
  assert.equal(JSON.parse((await askOn(socket, host)).body).reason, "no_deployment");
  await assert.rejects(open(host), REFUSED);
});

test("a new certificate is shown on the next connection, and drops none that are open", async () => {
  const host = "renewed.example";
  const [first, second] = [selfSigned(host), selfSigned(host)];
  await gateway.putDomain(host, LABEL, first);
  const before = await open(host);
  assert.equal(shownOn(before), printOf(first));
  await gateway.putDomain(host, LABEL, second);
  assert.equal(shownOn(await open(host)), printOf(second));
  assert.equal((await askOn(before, host)).body, "online");
});

test("a connection that was opened for one host serves no other deployment's", async () => {
  const socket = await open(API);
  misdirected(await askOn(socket, OTHER));
  misdirected(await askOn(socket, `${TEST_LABEL}.${REGION}.localhost`));
  misdirected(await askOn(socket, "nobody.example", `/~${LABEL}/test/hello`));
  assert.equal((await askOn(socket, `${API}:443`)).body, "online");
  assert.equal((await askOn(socket, HOST)).body, "online");
});

test("callers that name nobody see the platform's certificate, and reach no custom host", async () => {
  const socket = await open("");
  assert.equal((await askOn(socket, HOST)).body, "online");
  assert.equal((await askOn(socket, "127.0.0.1", `/~${LABEL}/test/hello`)).body, "test");
  misdirected(await askOn(socket, API));
});

test("a name that no certificate is for is refused in the handshake, and the listener goes on", async () => {
  const refused = app.http.refusedHandshakes.no_certificate;
  for (const name of ["nobody.example", "a.b.local-1.localhost", "shop.example"]) {
    await assert.rejects(open(name), REFUSED);
  }
  assert.equal(app.http.refusedHandshakes.no_certificate, refused + 3);
  assert.equal((await askTls(HOST)).body, "online");
});

test("a host without a certificate, or with one whose key is sealed to others, is served in the clear only", async () => {
  await gateway.putDomain("plain.example", LABEL);
  await gateway.putDomain("foreign.example", LABEL, selfSigned("foreign.example"));
  const { certificate } = app.domains.get("foreign.example")!;
  certificate!.sealedKey[40]! ^= 1;
  for (const host of ["plain.example", "foreign.example"]) {
    await assert.rejects(open(host), REFUSED);
    assert.equal((await gateway.ask({ host })).body, "online");
  }
});

test("older TLS is refused, and HTTP/2 is not spoken", async () => {
  const refused = app.http.refusedHandshakes.no_agreement;
  await assert.rejects(open(API, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" }));
  await assert.rejects(open(API, { ALPNProtocols: ["h2"] }));
  assert.equal(app.http.refusedHandshakes.no_agreement, refused + 2);
  assert.equal((await open(API, { ALPNProtocols: ["h2", "http/1.1"] })).alpnProtocol, "http/1.1");
});

test("what is no TLS on the port for TLS loses its connection, and so does who never finishes the handshake", async (t) => {
  const before = { ...app.http.refusedHandshakes };
  for (const said of ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", ""]) {
    const socket = connectTcp(app.http.httpsPort!, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write(said);
    socket.on("error", () => {}).resume();
    await once(socket, "close");
  }
  const { no_agreement: saidNoTls, timeout } = app.http.refusedHandshakes;
  assert.deepEqual([saidNoTls, timeout], [before.no_agreement + 1, before.timeout + 1]);
  assert.equal((await askTls(API)).status, 200);
});

test("who leaves in the handshake is counted", async (t) => {
  const { caller_left: left } = app.http.refusedHandshakes;
  const socket = connectTcp(app.http.httpsPort!, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  socket.end();
  await until(() => app.http.refusedHandshakes.caller_left > left);
});

test("a renewed certificate of the platform is taken from its files; one without its key leaves the other in place", async () => {
  const shown = async () => shownOn(await open(HOST));
  const next = selfSigned(`*.${REGION}.localhost`);
  writeFileSync(platformFiles.certificate, next.certificate);
  const source = app.certificates!;
  assert.equal(await source.refresh(), false);
  assert.notEqual(await shown(), printOf(next));
  renewPlatform(next);
  assert.equal(await source.refresh(), true);
  assert.equal(await shown(), printOf(next));
});

test("a function is told the scheme and the host that the caller used; the log line has the host", async () => {
  const runner = await gateway.startRunner();
  await gateway.putVersion();
  await gateway.release([{ ...mockRoute(""), backend: { $case: "function" as const, value: HELLO } }]);
  await askTls(API);
  const { headers } = runner.invocations.at(-1)!.invoke;
  const told = (name: string) => headers[headers.indexOf(name) + 1];
  assert.equal(told("x-forwarded-proto"), "https");
  assert.equal(told("x-forwarded-host"), API);
  assert.equal(runner.invocations.at(-1)!.invoke.scheme, "https");
  assert.ok(gateway.lines.some(({ host }) => host === API));
  await gateway.release([mockRoute("online")]);
});

test("signatures for a custom host are of its deployment: the scope names the label, not the host", async () => {
  const key = await gateway.addAccessKey();
  await gateway.authorize(key.keyId);
  await gateway.authorize(key.keyId, TEST_LABEL);
  await gateway.release([mockRoute("online")], { access: 2 });
  const asked = (service: string) =>
    gateway.ask({
      host: API,
      headers: signedHeaders(PROFILES["JDCLOUD3-HMAC-SHA256"], key, { host: API }, { service }),
    });
  assert.equal((await asked(LABEL)).status, 200);
  assert.equal((await asked(TEST_LABEL)).problem.reason, "signature_mismatch");
  assert.equal((await asked(API)).problem.reason, "signature_mismatch");
  await gateway.release([mockRoute("online")]);
});

test("a gateway that drains takes no new TLS connection and lets the open ones finish", async () => {
  const socket = await open(API);
  const drained = app.drain();
  await assert.rejects(open(API), { code: "ECONNREFUSED" });
  assert.equal((await askOn(socket, API)).closes, true);
  await once(socket, "close");
  await drained;
});
