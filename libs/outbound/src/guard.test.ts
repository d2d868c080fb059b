import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { readAddress } from "./addresses.ts";
import { type AllowedRange, parseAllowedRange } from "./allowance.ts";
import { OutboundGuard } from "./guard.ts";
import { OUTBOUND_LIMITS } from "./limits.ts";
import { Lookups, TooManyLookups } from "./resolver.ts";

const server = createServer((socket) => socket.end("hello"));
server.listen(0, "127.0.0.1");
await once(server, "listening");
test.after(() => void server.close());
const { port } = server.address() as AddressInfo;

const ranges = (...texts: string[]): AllowedRange[] => texts.map((text) => parseAllowedRange(text)!);

function guard(allow: AllowedRange[], names: Record<string, string[]> = {}): OutboundGuard {
  const resolve = async (host: string) => (names[host] ?? []).map((text) => readAddress(text)!);
  return new OutboundGuard({ allow, busUrl: "nats://203.0.113.9:4222", setting: "THE_SETTING", resolve });
}

async function heard(connecting: Promise<Socket>): Promise<string> {
  const socket = await connecting;
  const chunks = await socket.toArray();
  return Buffer.concat(chunks).toString();
}

const dial = (by: OutboundGuard, host: string, at = port) =>
  by.dial(host, at, new Lookups(), AbortSignal.timeout(5_000));

test("private, loopback and link-local addresses are refused however they are written, and the way out is named", async () => {
  const names = {
    "rebound.example": ["127.0.0.1"],
    "mapped.example": ["::ffff:169.254.169.254"],
    "inside.example": ["10.0.0.1", "fd00::1"],
  };
  const refusing = guard([], names);
  const hosts = ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "0.0.0.0"];
  for (const host of [...hosts, "localhost", "LOCALHOST.", "a.localhost", ...Object.keys(names)]) {
    await assert.rejects(dial(refusing, host), { code: "EACCES", message: /no public address.*THE_SETTING/ }, host);
  }
});

test("the addresses of the machine and of the bus are refused though they are public", async () => {
  await assert.rejects(dial(guard([]), "203.0.113.9"), { code: "EACCES" });
});

test("what the operator allows is reached, at its port only", async () => {
  const allowing = guard(ranges(`127.0.0.1:${port}`), { "backend.example": ["10.0.0.1", "127.0.0.1"] });
  assert.equal(await heard(dial(allowing, "127.0.0.1")), "hello");
  assert.equal(await heard(dial(allowing, "backend.example")), "hello");
  await assert.rejects(dial(allowing, "127.0.0.1", port === 1 ? 2 : 1), { code: "EACCES" });
});

test("a name without an address is not found", async () => {
  await assert.rejects(dial(guard([]), "nowhere.example"), { code: "ENOTFOUND" });
});

test("a connector gives clients a socket, or the reason why not", async () => {
  const connect = guard(ranges(`127.0.0.1:${port}`)).connector(new AbortController().signal);
  const ask = (hostname: string) =>
    new Promise<Socket>((resolve, reject) => {
      connect({ hostname, protocol: "http:", port: String(port) }, (error, socket) =>
        error ? reject(error) : resolve(socket!),
      );
    });
  assert.equal(await heard(ask("127.0.0.1")), "hello");
  await assert.rejects(ask("[::1]"), { code: "EACCES" });
});

test("names of one tenant that nobody answers are in no other tenant's way, and end with the tenant's signal", async () => {
  const resolve = async (host: string) =>
    host === "good.example" ? [readAddress("127.0.0.1")!] : new Promise<never>(() => {});
  const allow = ranges(`127.0.0.1:${port}`);
  const hanging = new OutboundGuard({ allow, busUrl: "nats://203.0.113.9:4222", setting: "THE_SETTING", resolve });
  const tenant = (signal: AbortSignal) => {
    const connect = hanging.connector(signal);
    return (hostname: string) =>
      new Promise<Socket>((found, failed) => {
        const options = { hostname, protocol: "http:", port: String(port) };
        connect(options, (error, socket) => (error ? failed(error) : found(socket!)));
      });
  };
  const leaving = new AbortController();
  const a = tenant(leaving.signal);
  const asked = Array.from({ length: OUTBOUND_LIMITS.lookupsMax }, (_, i) => a(`${i}.example`));
  await assert.rejects(a("good.example"), TooManyLookups);
  assert.equal(await heard(tenant(new AbortController().signal)("good.example")), "hello");
  leaving.abort();
  const ends = await Promise.allSettled(asked);
  assert.ok(ends.every((end) => end.status === "rejected" && end.reason.code === "ECANCELED"));
});
