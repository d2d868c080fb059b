import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { OutboundFault, readAddress } from "@millrace/outbound";
import { until } from "@millrace/testing";
import { EGRESS_LIMITS } from "../limits.ts";
import { bundled, listening, PUBLIC, startEgressRunner } from "./egress-fixture.ts";

// What Node promises of sockets and lookups, in a deployed function whose connections are relayed.

const HOST = "api.example.com";
let open = 0;
/** Does what its first words say. */
const server = createServer({ allowHalfOpen: true }, (socket) => {
  open++;
  socket.on("close", () => open--).on("error", () => {});
  socket.once("end", () => socket.readableDidRead || socket.end());
  socket.once("data", (first: Buffer) => {
    const text = first.toString("latin1", 0, 5);
    if (text === "echo ") socket.unshift(first.subarray(5));
    if (text === "echo ") socket.pipe(socket);
    else if (text === "reset") socket.resetAndDestroy();
    else if (text.startsWith("bye")) socket.end();
    else socket.on("end", () => setImmediate(() => socket.end("late"))).resume();
  });
});
const port = await listening(server);

const { runner, skip } = await startEgressRunner({
  resolve: async (host) => {
    if (host === "missing.example.com") throw Object.assign(new Error("no"), { code: "ENOTFOUND" });
    if (host === "broken.example.com") throw new OutboundFault("EAI_AGAIN", "");
    if (host === "silent.example.com") return new Promise(() => {});
    return [host === "private.example.com" ? readAddress("10.0.0.1")! : PUBLIC];
  },
});
const hosts = [`*.example.com:${port}`, `*.example.com:1`];
const record = runner.deploy(await bundled("sockets-fixture.ts"), {
  shape: "fetch",
  timeoutMs: 20_000,
  egress: { mode: "hosts", hosts },
});

async function checked(check: string, host = HOST, toPort = port): Promise<unknown> {
  const body = JSON.stringify({ check, host, port: toPort });
  const answer = await runner.call(record, { method: "POST", body });
  assert.equal(answer.failed, undefined, runner.lines().join("\n"));
  return JSON.parse(answer.body.toString());
}

test("events come in Node's order and name the real other side", { skip }, async () => {
  assert.deepEqual(await checked("events"), {
    isConnecting: true,
    calledBack: true,
    seen: [`lookup ${PUBLIC.address} 4 ${HOST}`, `connectionAttempt ${PUBLIC.address} ${port} 4`, "connect", "ready"],
    remote: [PUBLIC.address, port, "IPv4"],
  });
});

test("every way to connect that Node has leads there", { skip }, async () => {
  assert.deepEqual(await checked("forms"), Array(6).fill("hello"));
  assert.equal(await checked("unref"), "unref");
});

test("megabytes pass both ways at the pace of the slower side", { skip }, async () => {
  assert.equal(await checked("big"), 8 * 1024 * 1024);
});

test("a side that has said all still hears the other", { skip }, async () => {
  assert.equal(await checked("halfOpen"), "late");
});

test("a connection that broke is told from one that ended", { skip }, async () => {
  assert.equal(await checked("reset"), "ECONNRESET");
  assert.deepEqual(await checked("ended"), ["end", "close"]);
  await until(() => runner.connections.some(({ outcome }) => outcome === "broken"));
});

test("who gives up while the connection is made leaves nothing open", { skip }, async () => {
  assert.deepEqual(await checked("destroyedWhileAsking"), ["close"]);
  assert.equal(await checked("aborted"), "ABORT_ERR");
  assert.equal(await checked("timeout", "silent.example.com"), "timeout");
  await until(() => open === 0);
});

test("errors are those that Node has", { skip }, async () => {
  assert.deepEqual(await checked("error", HOST, 1), {
    errno: -111,
    code: "ECONNREFUSED",
    syscall: "connect",
    address: "127.0.0.1",
    port: 1,
    message: "connect ECONNREFUSED 127.0.0.1:1",
  });
  assert.deepEqual(await checked("error", "missing.example.com"), {
    errno: -3008,
    code: "ENOTFOUND",
    syscall: "getaddrinfo",
    hostname: "missing.example.com",
    message: "getaddrinfo ENOTFOUND missing.example.com",
  });
  for (const own of ["127.0.0.1", "localhost"]) {
    const refused = (await checked("error", own, 1)) as { code: string; message: string };
    assert.equal(refused.code, "ECONNREFUSED");
    assert.match(refused.message, /^connect ECONNREFUSED.*: this is the sandbox's own loopback; .* lists it/);
  }
  const denied = (await checked("error", "private.example.com")) as { code: string; message: string };
  assert.equal(denied.code, "EACCES");
  assert.ok(denied.message.startsWith(`connect EACCES private.example.com:${port}: it has no public address`));
  assert.ok(!denied.message.includes("10.0.0.1"));
  assert.equal(await checked("badPort"), "ERR_SOCKET_BAD_PORT");
});

test("the sandbox's own listeners and sockets stay its own", { skip }, async () => {
  assert.deepEqual(await checked("own"), Array(7).fill("own"));
  assert.deepEqual(await checked("path"), ["own", "ENOENT"]);
});

test("names are looked up by the runner, in all of dns.lookup's ways", { skip }, async () => {
  const found = PUBLIC;
  const loopback = { address: "127.0.0.1", family: 4 };
  assert.deepEqual(await checked("lookup"), {
    all: [found],
    one: found,
    promised: found,
    named: [null, PUBLIC.address, 4],
  });
  assert.deepEqual(await checked("local"), [
    loopback,
    { address: "10.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ]);
  assert.deepEqual(await checked("lookupError", "missing.example.com"), {
    code: "ENOTFOUND",
    syscall: "getaddrinfo",
    hostname: "missing.example.com",
    message: "getaddrinfo ENOTFOUND missing.example.com",
  });
  const unlisted = (await checked("lookupError", "other.example.org")) as { code: string; message: string };
  assert.equal(
    unlisted.message,
    "getaddrinfo EACCES other.example.org: the function's egress does not list other.example.org",
  );
});

test("who looks a listed name up first may connect to its address", { skip }, async () => {
  assert.equal(await checked("lookFirst"), "by address");
  assert.equal(await checked("ownLookup", PUBLIC.address), "nothing failed");
  assert.equal(
    await checked("ownLookup", "10.0.0.1"),
    "nothing failed",
    "the list names the host: the runner resolves it",
  );
});

test("what speaks to name servers or by datagram fails at once", { skip }, async () => {
  assert.deepEqual(await checked("resolve"), ["ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"]);
  assert.match(String(await checked("udp", "1.1.1.1", 53)), /^(ENETUNREACH|EPERM|EACCES)$/);
});

test("a sandbox has so many connections at a time, and all of them again when they are closed", { skip }, async () => {
  await until(() => open === 0);
  for (const round of [1, 2]) {
    const [opened, code, message] = (await checked("many")) as [number, string, string];
    assert.deepEqual([opened, code], [EGRESS_LIMITS.connectionsMax, "EAGAIN"], `round ${round}: ${message}`);
    await until(() => open === 0);
  }
  assert.ok(runner.connections.some(({ outcome }) => outcome === "limited"));
});
