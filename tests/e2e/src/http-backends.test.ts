/** A server of the provider's behind an API: the guide to it, as its reader types it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { until } from "@millrace/testing";
import { commandsIn, readersShell } from "./support/documents.ts";
import { testPlatform } from "./support/test-platform.ts";

const backend = createServer((request, response) => void response.end(`${request.method} ${request.url}`));
backend.listen(0, "127.0.0.1");
await once(backend, "listening");
after(() => void backend.close());
const address = `127.0.0.1:${(backend.address() as { port: number }).port}`;

const platform = await testPlatform({ backendAllow: [address] });
const shell = readersShell(platform.platformFile);

test("the commands of the guide to http backends work as they stand", async () => {
  const commands = commandsIn("docs/guides/http-backends.md").map((line) => line.replaceAll("127.0.0.1:9000", address));
  assert.equal(commands.length, 8);
  const printed: string[] = [];
  for (const line of commands) printed.push(await shell(line));
  assert.match(printed.at(-1)!, new RegExp(`http://${address}/live`));
  const status = await shell("npx millrace --project shop release status -g store --output json");
  const { deployments } = JSON.parse(status) as { deployments: { name: string; pathUrl: string }[] };
  const urlOf = (environment: string) => deployments.find(({ name }) => name.endsWith(environment))!.pathUrl;
  const ask = async (url: string) => (await fetch(url)).text();
  await until(async () => (await ask(`${urlOf("test")}/store/pets`)) === "GET /test/pets");
  await until(async () => (await ask(`${urlOf("online")}/store/pets?a=1`)) === "GET /live/pets?a=1");
  assert.equal(await ask(`${urlOf("test")}/store/pets/7?full=1`), "GET /v1/pets/7?full=1");
});
