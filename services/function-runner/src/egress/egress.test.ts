import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { dial, readAddress } from "@millrace/outbound";
import { until } from "@millrace/testing";
import { listening, PUBLIC, startEgressRunner } from "./egress-fixture.ts";

// What deployed functions reach, in the tier that gives a sandbox a network of its own.

/** Nobody but the operator's allowance leads here. */
let strangers = 0;
const canary = await listening(createServer((_, response) => void response.end(`stranger ${++strangers}`)));
const PLATFORM = "10.9.8.7";
const allowed = await listening(createServer((_, response) => void response.end("allowed")));
const site = await listening(
  createServer((request, response) => {
    const to = new URL(request.url ?? "/", "http://site.example.com").searchParams.get("to");
    if (to) response.writeHead(302, { location: to }).end();
    else response.end(`hello ${request.headers.host}`);
  }),
);
const LOCAL = readAddress("127.0.0.1")!;
const PRIVATE = ["10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.0.1", "::1", "fd00::1"];

const { runner, skip } = await startEgressRunner({
  allow: [`127.0.0.1:${allowed}`, PLATFORM],
  resolve: async (host) => {
    const [label = ""] = host.split(".");
    const at = readAddress(PRIVATE[Number(label.replace("private", ""))] ?? "");
    return [label.startsWith("private") && at ? at : label === "platform" ? readAddress(PLATFORM)! : PUBLIC];
  },
  // Whoever connects to a public address, or to the platform's, finds the site on ports 80 and 443.
  dial: (addresses, port, signal) => {
    const isSite = addresses.some(({ address }) => address === PUBLIC.address || address === PLATFORM);
    return isSite ? dial([LOCAL], port === 80 || port === 443 ? site : port, signal) : dial(addresses, port, signal);
  },
});

interface Policy {
  mode: string;
  hosts: string[];
}

const CODE = `
  import net from "node:net";
  export default { async fetch(request) {
    const { url, host, port } = await request.json();
    const said = ({ code, message }) => new Response(code + " " + message);
    if (url) return fetch(url).then(async (answer) => new Response(await answer.text()), (error) => said(error.cause ?? error));
    return new Promise((resolve) => net.connect({ host, port }, () => resolve(new Response("connected"))).on("error", (error) => resolve(said(error))));
  } };`;

/** One for each policy. */
const deployed = new Map<string | undefined, ReturnType<typeof runner.deploy>>();

async function reached(to: { url: string } | { host: string; port: number }, egress?: Policy): Promise<string> {
  const key = JSON.stringify(egress);
  const record = deployed.get(key) ?? runner.deploy(CODE, { shape: "fetch", egress });
  deployed.set(key, record);
  const answer = await runner.call(record, { method: "POST", body: JSON.stringify(to) });
  assert.equal(answer.failed, undefined, runner.lines().join("\n"));
  return answer.body.toString();
}

const fetched = (url: string, egress?: Policy) => reached({ url }, egress);
const listOf = (...hosts: string[]): Policy => ({ mode: "hosts", hosts });

test("by itself a function reaches public addresses on ports 80 and 443", { skip }, async () => {
  assert.equal(await fetched("http://site.example.com/"), "hello site.example.com");
  assert.equal(
    await fetched("http://site.example.com:8080/"),
    "EACCES connect EACCES site.example.com:8080: the function's egress is http: public addresses on ports 80 and 443; " +
      "to connect there, make it a list with site.example.com:8080",
  );
});

test("what is not listed is refused with the way out", { skip }, async () => {
  const egress = listOf("site.example.com:80");
  assert.equal(await fetched("http://site.example.com/", egress), "hello site.example.com");
  assert.equal(
    await fetched("http://other.example.com/", egress),
    "EACCES connect EACCES other.example.com:80: the function's egress is site.example.com:80; add other.example.com:80 to it",
  );
  assert.match(await fetched("http://site.example.com/", { mode: "none", hosts: [] }), /^EACCES .*egress is none/);
});

test("a redirect to a private address is refused as the address itself is", { skip }, async () => {
  for (const to of ["http://private0.example.com/", "http://169.254.169.254/latest/", "http://[fd00:ec2::254]/"]) {
    const url = `http://site.example.com/?to=${encodeURIComponent(to)}`;
    assert.match(await fetched(url), /^EACCES .*no public address/, to);
  }
});

test("names of private addresses are refused, listed or not", { skip }, async () => {
  for (const [index, address] of PRIVATE.entries()) {
    const host = `private${index}.example.com`;
    assert.match(await fetched(`http://${host}/`), /^EACCES .*no public address/, address);
    assert.match(await reached({ host, port: canary }, listOf(`${host}:${canary}`)), /^EACCES/, address);
  }
  assert.equal(strangers, 0);
});

test("addresses in odd clothes reach nothing of the machine's", { skip }, async () => {
  const spellings = [
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "①②⑦.⓪.⓪.①",
    "127.0.0.1",
    "localhost",
    "0",
    "0.0.0.0",
  ];
  const more = [
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "LOCALHOST.",
  ];
  for (const host of [...spellings, ...more]) {
    assert.match(await fetched(`http://${host}:${canary}/`), /^(ECONNREFUSED|EACCES|ENETUNREACH) /, host);
  }
  const raw = [
    ...spellings,
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "fe80::1%lo",
    "127.0.0.1%00",
    "localhost:1",
    "169.254.169.254",
  ];
  for (const host of raw) {
    for (const egress of [undefined, listOf(`127.0.0.1:${canary}`, `localhost:${canary}`, `[::1]:${canary}`)]) {
      assert.match(
        await reached({ host, port: canary }, egress),
        /^(ECONNREFUSED|EACCES|ENOTFOUND|ENETUNREACH|EINVAL) /,
        host,
      );
    }
  }
  assert.equal(strangers, 0);
});

test("the operator opens an address and port to all, an address to those who list it", { skip }, async () => {
  assert.equal(await fetched(`http://127.0.0.1:${allowed}/`), "allowed");
  assert.equal(await fetched(`http://localhost:${allowed}/`), "allowed");
  assert.match(await fetched(`http://127.0.0.1:${allowed}/`, { mode: "none", hosts: [] }), /^ECONNREFUSED/);
  assert.match(await fetched(`http://127.0.0.1:${allowed}/`, listOf("site.example.com:80")), /^ECONNREFUSED/);
  assert.match(await fetched("http://platform.example.com/"), /^EACCES .*no public address/);
  const egress = listOf("platform.example.com:80");
  assert.equal(await fetched("http://platform.example.com/", egress), "hello platform.example.com");
});

test("functions of one project with unlike policies share no sandbox", { skip }, async () => {
  const before = runner.sandboxes.length;
  await fetched("http://site.example.com/", listOf("a.example:1", "b.example:2"));
  await fetched("http://site.example.com/", listOf("B.example:2", "a.example:1", "a.example:1"));
  assert.equal(runner.sandboxes.length, before + 1);
  await fetched("http://site.example.com/", listOf("a.example:1"));
  assert.equal(runner.sandboxes.length, before + 2);
});

test("every attempt is in the audit", { skip }, async () => {
  runner.connections.length = 0;
  await fetched("http://site.example.com/");
  await fetched("http://private0.example.com/");
  await until(() => runner.connections.length >= 1);
  const denied = runner.connections.find(({ outcome }) => outcome === "denied");
  const { durationMs, ...event } = denied!;
  assert.ok(durationMs < 5_000);
  assert.deepEqual(event, {
    ...{ project: "shop", function: "greet", target: "private0.example.com:80", address: "10.0.0.1" },
    ...{ outcome: "denied", bytesOut: 0, bytesIn: 0 },
  });
  for (const sandbox of runner.sandboxes) sandbox.kill();
  const used = await until(() => runner.connections.find(({ target }) => target === "site.example.com:80"));
  assert.ok(used.bytesIn > 50 && used.bytesOut > 50, JSON.stringify(used));
  assert.ok((runner.egress.audit.counters.outcomes.get("denied") ?? 0) > 0);
});
