import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { startTestRunner } from "../runner-fixture.ts";
import { areOfOnePlatform } from "./outgoing-depth.ts";

// A server that tells what it was sent is in the place of a gateway.
const server = createServer((request, response) => void response.end(String(request.headers["x-millrace-depth"])));
await once(server.listen(0, "127.0.0.1"), "listening");
test.after(() => void server.close());
const { port } = server.address() as AddressInfo;
const runner = await startTestRunner(test, { egress: { allow: [`127.0.0.1:${port}`] } });

const CODE = `
  import { get } from "node:http";
  const byHttp = (url) => new Promise((resolve, reject) => get(url, async (answer) => resolve((await answer.toArray()).join(""))).on("error", reject));
  export default { async fetch(request) {
    const url = await request.text();
    return Response.json([await (await fetch(url)).text(), await byHttp(url)]);
  } };`;

async function depthsSeen(host: string, url: string): Promise<unknown> {
  const record = runner.deploy(CODE, { shape: "fetch" });
  const answer = await runner.call(record, { method: "POST", headers: { host }, body: url });
  return JSON.parse(answer.body.toString());
}

test("a call of the own gateway is one deeper, with fetch and with node:http", async () => {
  assert.deepEqual(await depthsSeen(`127.0.0.1:${port}`, `http://127.0.0.1:${port}/`), ["1", "1"]);
});

test("whoever is not the platform is told nothing", async () => {
  const strangers = await depthsSeen("abcdefghijkl.local-1.localhost", `http://127.0.0.1:${port}/`);
  assert.deepEqual(strangers, ["undefined", "undefined"]);
});

test("hosts are of one platform when they are equal or share the domain below the first label", () => {
  for (const [one, other, same] of [
    ["abc.local-1.localhost:8080", "xyz-test.local-1.localhost", true],
    ["127.0.0.1:8080", "127.0.0.1:8080", true],
    ["127.0.0.1:8080", "127.0.0.1:9090", false],
    ["10.0.0.1", "11.0.0.1", false],
    ["[::1]:80", "[::1]:81", false],
    ["a.example", "b.example", false],
    ["api.example.com", "evil.example.org", false],
  ] as const) {
    assert.equal(areOfOnePlatform(one, other), same, `${one} ${other}`);
  }
});
