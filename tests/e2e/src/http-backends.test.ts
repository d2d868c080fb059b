/** A server of the provider's behind an API: the guide to it, as its reader types it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { repositoryRoot } from "@millrace/local";
import { until } from "@millrace/testing";
import { verify } from "../../../clients/verify/verify.js";
import { commandsIn, readersShell } from "./support/documents.ts";
import { testPlatform } from "./support/test-platform.ts";

const GUIDE = "docs/guides/http-backends.md";
const received: IncomingMessage[] = [];
const backend = createServer((request, response) => {
  const { method, url, headers } = request;
  received.push(request);
  response.end(`${method} ${url}${"x-limit" in headers ? ` ${headers["x-limit"]}` : ""}`);
});
backend.listen(0, "127.0.0.1");
await once(backend, "listening");
after(() => void backend.close());
const address = `127.0.0.1:${(backend.address() as { port: number }).port}`;

const platform = await testPlatform({ backendAllow: [address] });
const text = readFileSync(join(repositoryRoot, GUIDE), "utf8").replaceAll("127.0.0.1:9000", address);
const files = new Map([...text.matchAll(/^```yaml\n# (\S+)\n(.*?)^```/gms)].map(([, name, body]) => [name!, body!]));
const shell = readersShell(platform.platformFile, files);

const savedKey = async () =>
  JSON.parse(await shell("cat backend-key.json")) as { accessKey: { keyId: string }; secret: string };

test("the commands of the guide to http backends work as they stand", async () => {
  const commands = commandsIn(GUIDE).map((line) => line.replaceAll("127.0.0.1:9000", address));
  assert.equal(commands.length, 14);
  const printed: string[] = [];
  for (const line of commands) {
    const keyId = line.includes("KEY_ID") ? (await savedKey()).accessKey.keyId : "";
    printed.push(await shell(line.replace("KEY_ID", keyId)));
  }
  assert.match(printed[6]!, new RegExp(`http://${address}/live`));
  const status = await shell("npx millrace --project market release status -g store --output json");
  const { deployments } = JSON.parse(status) as { deployments: { name: string; pathUrl: string }[] };
  const urlOf = (environment: string) => deployments.find(({ name }) => name.endsWith(environment))!.pathUrl;
  const ask = async (url: string) => (await fetch(url)).text();
  await until(async () => (await ask(`${urlOf("test")}/store/pets`)) === "GET /test/pets");
  await until(async () => (await ask(`${urlOf("online")}/store/pets?a=1`)) === "GET /live/pets?a=1");
  assert.equal(await ask(`${urlOf("test")}/store/pets/7?full=1`), "GET /v1/pets/7?full=1");
  const found = "POST /search/cat?a=b&source=store 3";
  await until(async () => (await ask(`${urlOf("test")}/store/find?kind=cat&limit=3&a=b`)) === found);
  assert.match(printed[11]!, /canary: header\.x-canary=1 → http/);
  const canary = () => fetch(`${urlOf("online")}/store/pets`, { headers: { "x-canary": "1" } });
  await until(async () => (await (await canary()).text()) === "GET /canary/pets");
  assert.equal((await fetch(`${urlOf("online")}/store/pets?v=0`)).status, 410);
  assert.equal(await ask(`${urlOf("online")}/store/pets?v=1`), "GET /live/pets?v=1");
  const { accessKey, secret } = await savedKey();
  const {
    method,
    url: target,
    headers,
  } = await until(async () => {
    await ask(`${urlOf("online")}/store/pets?v=1`);
    return received.findLast((request) => "x-millrace-signature" in request.headers);
  });
  const secretOf = (keyId: string) => (keyId === accessKey.keyId ? secret : undefined);
  const verified = await verify({ method: method!, target: target!, headers }, { secretOf });
  assert.deepEqual([verified.keyId, verified.coversBody], [accessKey.keyId, true]);
});
