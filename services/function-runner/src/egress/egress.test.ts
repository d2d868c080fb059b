import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { startTestRunner } from "../runner-fixture.ts";
import { readAddress } from "./addresses.ts";

// What deployed functions reach, in the tier that gives a sandbox a network of its own.

const server = createServer((request, response) => void response.end(`hello ${request.headers.host}`));
await once(server.listen(0, "127.0.0.1"), "listening");
test.after(() => void server.close());
const { port } = server.address() as AddressInfo;

const runner = await startTestRunner(test, {
  egress: { allow: ["127.0.0.1"], resolve: async () => [readAddress("127.0.0.1")!] },
});
const skip = runner.supply.launcher.tier !== "full" && "sandboxes use the machine's network in this tier";

/** What `fetch` in a function gets of the URL: the body, or the code of the error with its message. */
async function fetched(url: string, hosts?: string[]): Promise<string> {
  const record = runner.deploy(
    `export default { async fetch(request) {
       try { return new Response(await (await fetch(await request.text())).text()); }
       catch ({ cause }) { return new Response(cause.code + " " + cause.message); }
     } };`,
    { shape: "fetch", egress: hosts && { mode: "hosts", hosts } },
  );
  return (await runner.call(record, { method: "POST", body: url })).body.toString();
}

test("a function reaches what its list names, where the operator allows the address", { skip }, async () => {
  const target = `api.example.com:${port}`;
  assert.equal(await fetched(`http://${target}/`, [target]), `hello ${target}`);
});

test("what is not listed is refused with the way out", { skip }, async () => {
  const target = `api.example.com:${port}`;
  assert.equal(
    await fetched("http://other.example.com/", [target]),
    `EACCES connect EACCES other.example.com:80: the function's egress is ${target}; add other.example.com:80 to it`,
  );
});

test("loopback is the sandbox's own", { skip }, async () => {
  assert.match(await fetched(`http://127.0.0.1:${port}/`), /^ECONNREFUSED/);
});
