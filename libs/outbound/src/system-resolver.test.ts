import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readAddress } from "./addresses.ts";
import { systemResolver } from "./system-resolver.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-hosts-"));
test.after(() => rmSync(folder, { recursive: true }));
const hostsFile = join(folder, "hosts");
writeFileSync(hostsFile, "# names\n10.0.0.5\tDB.internal db # the database\nfd00::5 db\nnonsense x\n");

const A = 1;
const NO_ERROR = 0;
const NO_SUCH_NAME = 3;
const addresses = (...texts: string[]) => texts.map((text) => readAddress(text));

function nameIn(bytes: Buffer): string {
  const length = bytes[0] ?? 0;
  const rest = bytes.subarray(1 + length);
  return bytes.toString("latin1", 1, 1 + length) + (rest[0] ? `.${nameIn(rest)}` : "");
}

/** A name server that knows one address (RFC 1035), or does not answer. */
async function nameServer(name: string): Promise<string> {
  const socket = createSocket("udp4", (query, { port, address }) => {
    const end = query.indexOf(0, 12) + 5;
    const asked = nameIn(query.subarray(12));
    if (asked.startsWith("silent")) return;
    const isKnown = asked === name && query.readUInt16BE(end - 4) === A;
    const header = Buffer.from(query.subarray(0, end));
    header[2] = 0x81;
    header[3] = 0x80 | (asked === name ? NO_ERROR : NO_SUCH_NAME);
    header.writeUInt16BE(isKnown ? 1 : 0, 6);
    header.writeUInt32BE(0, 8);
    const record = Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 1, 0, 4, 9, 9, 9, 9]);
    socket.send(isKnown ? Buffer.concat([header, record]) : header, port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  test.after(() => void socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

const find = systemResolver({ hostsFile, servers: [await nameServer("known.example")] });

test("the machine's file of hosts comes first", async () => {
  assert.deepEqual(await find("db.internal", 0), addresses("10.0.0.5"));
  assert.deepEqual(await find("db", 0), addresses("10.0.0.5", "fd00::5"));
});

test("name servers are asked for both kinds of addresses", async () => {
  assert.deepEqual(await find("known.example", 0), addresses("9.9.9.9"));
  assert.deepEqual(await find("known.example", 4), addresses("9.9.9.9"));
  await assert.rejects(find("known.example", 6), { code: "ENOTFOUND" });
  await assert.rejects(find("unknown.example", 0), { code: "ENOTFOUND" });
});

test("a name server that does not answer holds up nobody but who asks it", async () => {
  const silent = Array.from({ length: 50 }, (_, i) =>
    assert.rejects(find(`silent${i}.example`, 4), { code: "EAI_AGAIN" }),
  );
  const startedAt = performance.now();
  assert.deepEqual(await find("known.example", 4), addresses("9.9.9.9"));
  assert.ok(performance.now() - startedAt < 1_000);
  await Promise.all(silent);
});
