/** What operators and authors see of isolation, on whatever tier the machine reaches. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Egress_Mode } from "@millrace/proto/control/v1/functions";
import { until } from "@millrace/testing";
import { commandsIn, readersShell } from "./support/documents.ts";
import { send } from "./support/http.ts";
import { provision } from "./support/provision.ts";
import { metricOf, operationsUrl, testPlatform } from "./support/test-platform.ts";

const TIERS = ["development", "reduced", "full"];
/** Answers what fetching the URL of its query brings: a status, or the error. */
const FETCHER = `export default {
  async fetch(request) {
    const url = new URL(request.url).searchParams.get("url");
    return fetch(url).then(
      async (answer) => new Response(\`\${answer.status} \${await answer.text()}\`),
      (error) => new Response(String(error.cause?.message ?? error.message)),
    );
  },
};`;

const platform = await testPlatform();
const readiness = (await (await fetch(`${operationsUrl(platform, "runner-1")}/readyz`)).json()) as { tier: string };
const belowFull = readiness.tier !== "full" && `the machine reaches ${readiness.tier}, where functions use its network`;

const shop = await provision(platform.rpc, {
  functions: {
    open: { code: FETCHER },
    closed: { code: FETCHER, config: { egress: { mode: Egress_Mode.NONE, hosts: [] } } },
  },
  apis: {
    open: { method: "GET", path: "/open", backend: "open" },
    closed: { method: "GET", path: "/closed", backend: "closed" },
    hello: {
      method: "GET",
      path: "/hello",
      backend: { kind: { $case: "mock", value: { status: 200, headers: {}, body: "hello" } } },
    },
  },
});
const base = shop.deployment().pathUrl;
const fetched = async (api: string, url: string): Promise<string> => {
  const call = { url: `${base}/${api}?url=${encodeURIComponent(url)}` };
  const { body } = await until(async () => send(call).then((got) => (got.status === 200 ? got : null)), {
    timeoutMs: 20_000,
    message: `${call.url} to answer`,
  });
  return String(body);
};

test("the tier is the same in readiness, metric and the list of runners", async () => {
  assert.ok(TIERS.includes(readiness.tier));
  const list = await readersShell(platform.platformFile)("npx millrace runner list --output json");
  const [runner] = (JSON.parse(list) as { runners: { isolationTier: string }[] }).runners;
  assert.equal(runner?.isolationTier, readiness.tier);
  assert.equal(await metricOf(platform, "runner-1", "millrace_runner_isolation_tier"), 1);
});

test("a function calls the platform's own gateway, which listens on loopback", async () => {
  assert.equal(await fetched("open", `${base}/hello`), "200 hello");
});

test("nothing else of loopback is reached, and the error says who may change it", { skip: belowFull }, async () => {
  const { port } = new URL(platform.consoleUrl);
  assert.match(await fetched("open", `http://127.0.0.1:${port}/`), /ECONNREFUSED|egress/);
  const { host } = new URL(platform.natsUrl);
  assert.match(await fetched("open", `http://${host}/`), /ECONNREFUSED|egress/);
});

test("a function without egress calls nobody", { skip: belowFull }, async () => {
  assert.match(await fetched("closed", `${base}/hello`), /ECONNREFUSED/);
  // An address of no machine (RFC 5737), which nothing but the policy keeps it from.
  assert.match(await fetched("closed", "http://192.0.2.1/"), /the function's egress is none/);
});

test("the commands of the guide to isolation work as they stand", async () => {
  const shell = readersShell(platform.platformFile);
  const commands = commandsIn("docs/guides/isolation.md");
  assert.equal(commands.length, 5);
  const printed: string[] = [];
  for (const line of commands) printed.push(await shell(line));
  assert.match(printed[0]!, new RegExp(`runner-1\\s+${readiness.tier}`));
  assert.match(printed.at(-1)!, /none/);
});
