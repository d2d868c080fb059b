/** What the guides tell their readers to type, as it stands there, in their order. That of isolation is in isolation.test.ts. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import { METRICS_TABLE, type MetricService } from "@millrace/telemetry/metrics-table";
import { freePort, until } from "@millrace/testing";
import { commandsIn, filesIn, readersShell } from "./support/documents.ts";
import { send } from "./support/http.ts";
import { operationsUrl, testPlatform } from "./support/test-platform.ts";

const FIRST_STEPS = "docs/guides/first-steps.md";
const WHAT_HAPPENED = "docs/guides/what-happened.md";
const SCALE_OUT = "docs/guides/scale-out.md";
const ALARMS = "docs/guides/alarms.md";
const FUNCTIONS = "docs/guides/functions.md";
const OPENAPI = "docs/guides/openapi.md";
const RELEASES = "docs/guides/releases.md";
const METRICS = "docs/guides/metrics.md";

const platform = await testPlatform({ webhookAllow: ["127.0.0.1"] });
const shell = readersShell(platform.platformFile, filesIn(FIRST_STEPS));
await shell("npx millrace project create shop");

test("first steps: a function of two files, its releases, a revision, and a person who looks on", async () => {
  const commands = commandsIn(FIRST_STEPS, "## A function", "## Elsewhere than");
  const printed = new Map<string, string>();
  for (const line of commands) {
    // Which goes back to the release before, so there has to be one.
    if (line.includes("release rollback"))
      await shell("npx millrace --project shop release create --group orders --env online");
    // Which asks for a new password, and who types it.
    const typed = line.includes(" login ") ? `echo 'a long enough password' | ${line}` : line;
    printed.set(line, await shell(typed));
  }
  assert.equal(commands.length, 16);
  const status = printed.get("npx millrace --project shop release status --group orders")!;
  const url = /http:\S+\/~\w+\/online/.exec(status)?.[0];
  assert.ok(url, status);
  const order = await until(
    async () => {
      const answer = await send({ method: "POST", url: `${url}/orders`, body: '{"item":"flour"}' });
      return answer.status === 201 ? answer : null;
    },
    { timeoutMs: 10_000 },
  );
  assert.deepEqual(JSON.parse(order.text), { id: "1", item: "flour" });
  assert.match(printed.get("npx millrace --use-profile vera whoami")!, /vera@example\.com/);
  const unreleased = await shell("npx millrace --project shop call GET /orders/1 -g orders -e preview 2>&1 || true");
  assert.match(unreleased, /^to release: millrace --project shop release create --group orders --env preview$/m);
});

test("what happened: requests, one of them explained, logs, and requests that nobody answered", async () => {
  const found = "npx millrace --project shop requests --limit 1 --output json";
  await until(async () => /"status": 201/.test(await shell(found)), { timeoutMs: 10_000 });
  assert.equal(
    (await send({ url: `${platform.gatewayUrl}/nowhere`, headers: { host: "nobody.example" } })).status,
    404,
  );
  const nobody = "npx millrace requests --unrouted";
  await until(async () => /nowhere/.test(await shell(nobody)), { timeoutMs: 10_000 });
  const printed = new Map<string, string>();
  for (const line of commandsIn(WHAT_HAPPENED)) printed.set(line, await shell(line));
  assert.equal(printed.size, 13);
  const saidBy = (part: string) => [...printed].filter(([line]) => line.includes(part)).map(([, text]) => text);
  for (const list of saidBy("requests --since 1h").concat(
    saidBy("--cold"),
    saidBy("--function-version"),
    saidBy("--text 127"),
  )) {
    assert.match(list, /201 +POST +\S+\/orders +orders@\d+/);
  }
  assert.deepEqual(JSON.parse(saidBy("shop requests --reason no_route")[0]!), { requests: [] });
  const [explained] = saidBy("shop explain");
  assert.match(explained!, /^The function orders answered: 201, after [\d.]+ ms\.\n/);
  assert.match(explained!, /backend +function: 201 after [\d.]+ ms\n/);
  assert.match(explained!, /took +[\d.]+ ms\n {2}access +[\d.]+ ms\n/);
  assert.match(explained!, /platform orders@\d+ \w+ end status=201/);
  for (const list of saidBy(" logs orders")) assert.match(list, /end status=201/);
  assert.match(saidBy("explain --unrouted")[0]!, /request +GET \/nowhere\n(.*\n)*to +nobody\.example\n/);
  assert.match(saidBy("--unrouted --since")[0]!, /404 +no_deployment +GET +\/nowhere/);
  assert.match(JSON.parse(saidBy("--reason no_deployment")[0]!).requests.at(-1).name, /^unroutedRequests\//);
});

test("metrics: what is busiest, and numbers of parts of a project", async () => {
  const counted =
    "npx millrace --project shop metrics functions/orders --metric invocations --step whole --output json";
  await until(async () => /"value": \d/.test(await shell(counted)), { timeoutMs: 20_000 });
  const printed: string[] = [];
  for (const line of commandsIn(METRICS)) printed.push(await shell(line));
  const [top, whole, deployment, ofFunction, split] = printed;
  assert.match(
    top!,
    /API +CALLS\/S +CALLS +ERRORS +P99\n(.*\n)*orders\/online \S+ +0\.\d\d +\d+ +0\.00 % +~[\d.]+ ms\n/,
  );
  assert.match(top!, /FUNCTION .*\norders +0\.\d\d +\d+ +0\.00 % +~[\d.]+ ms\n/);
  assert.match(whole!, /TIME +REQUESTS +ERROR_RATE .*\n\S+Z +\d+ +0\.00 % +~[\d.]+ ms +~[\d.]+ ms +\d+ B\n/);
  assert.match(deployment!, /TIME +REQUESTS +ERROR_RATE +LATENCY_P99\n\S+Z +\d+ +0\.00 % +~[\d.]+ ms\n/);
  assert.match(ofFunction!, /TIME +INVOCATIONS .*\n\S+Z +\d+ +0\.00 % +~[\d.]+ ms +~[\d.]+ ms +\d+\n/);
  const { series } = JSON.parse(split!) as {
    series: { metric: string; group: string; environment: string; api: string }[];
  };
  assert.deepEqual([series[0]!.metric, series[0]!.group, series[0]!.environment], ["requests", "orders", "online"]);
});

test("every metric of the reference is shown by its processes, and no other", async () => {
  const processes: Record<string, MetricService> = {
    "gateway-1": "gateway",
    "runner-1": "function-runner",
    "control-plane-1": "control-plane",
    "auth-1": "auth",
    "console-1": "console",
  };
  for (const [process, service] of Object.entries(processes)) {
    const text = await (await fetch(`${operationsUrl(platform, process)}/metrics`)).text();
    const shown = new Set([...text.matchAll(/^# TYPE (millrace_\w+) /gm)].map(([, name]) => name!));
    const rows = METRICS_TABLE.filter(({ services }) => services.includes(service));
    const known = new Set(rows.map(({ name }) => name));
    assert.deepEqual(
      [...shown].filter((name) => !known.has(name)),
      [],
      `${process} shows what the reference has not`,
    );
    const always = rows.filter(
      ({ when }) => when === undefined || when.startsWith("after a request") || when === "after a call",
    );
    const missing = always.filter(({ name }) => !shown.has(name) && service !== "console");
    assert.deepEqual(
      missing.map(({ name }) => name),
      [],
      `${process} lacks what the reference has`,
    );
    for (const { name, labels } of rows) {
      const line = text.split("\n").find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name}_count{`));
      if (line === undefined) continue;
      const named = [...line.matchAll(/[{,](\w+)="/g)]
        .map(([, label]) => label!)
        .filter((label) => !label.startsWith("otel_"));
      assert.deepEqual(named.toSorted(), [...labels].toSorted(), name);
    }
  }
});

test("functions: tried without a release, with events that are kept", async () => {
  const inLab = readersShell(platform.platformFile, filesIn(FUNCTIONS));
  const printed = new Map<string, string>();
  for (const line of commandsIn(FUNCTIONS)) printed.set(line, await inLab(line));
  const invoked = [...printed].filter(([line]) => line.includes(" invoke ")).map(([, text]) => text);
  assert.match(
    invoked[0]!,
    /^info +asked by Ada\nLATEST, cold \(\d+ ms\), [\d.]+ ms, cpu [\d.]+ ms, memory \d+ of 128 MiB\n/,
  );
  assert.match(invoked[0]!, /\{"statusCode":200,"body":"hello Ada"\}$/m);
  assert.match(invoked[1]!, /^info +asked by Ada\nLATEST, warm, /);
  assert.match(invoked[1]!, /^status 200\n(.*\n)*hello Ada$/m);
  assert.match(invoked[2]!, /hello Ada/);
  const failing = `npx millrace --project lab function invoke greet --data '{"fail": true}'`;
  const failed = await inLab(`${failing} || true`);
  assert.match(failed, /error +Error: as you wished\n +at handler \(index\.ts:3:\d+\)/);
  assert.match(failed, /^failed: function_error$/m);
});

test("releases: a revision is copied, compared, released until every gateway serves it, and taken back", async () => {
  const printed = new Map<string, string>();
  for (const line of commandsIn(RELEASES)) printed.set(line, await shell(line));
  const told = (part: string) => [...printed].find(([line]) => line.includes(part))![1];
  assert.match(told("--wait"), /^release 1 is on 1 of 1 gateway after \d+ ms$/m);
  assert.equal(told("revisions diff").trim(), "0.0.1 -> 0.0.2\n+ get");
  assert.equal(told("release diff").trim(), "release 1 (0.0.1) -> 0.0.2\n+ get");
  assert.match(told("rollback"), /^release 3 is on 1 of 1 gateway after \d+ ms$/m);
  assert.match(told("history"), /rolled back +3 +0\.0\.1 +1 .*\n.* released +2 +0\.0\.2 .*\n.* released +1 +0\.0\.1 /);
  assert.match(told("offline-all"), /stock +offline/);
  assert.match(told("group list"), /stock/);
});

test("OpenAPI: a document goes in, with a report, and out, and in again without a change", async () => {
  const reader = readersShell(platform.platformFile, filesIn(OPENAPI));
  const printed: string[] = [];
  for (const line of commandsIn(OPENAPI)) printed.push(await reader(line));
  const [, , trial, imported, , exported, again, json, , newRevision] = printed;
  for (const text of [trial!, imported!]) {
    assert.match(text, /created +getPetInfo, create_pet\n/);
    assert.match(text, /not carried: #\/paths\/~1pets\/post\/security: who may call is a setting of the group; /);
    assert.match(text, /changed: #\/basePath: every path begins with \/v1; /);
  }
  assert.match(exported!, /wrote pets-3\.1\.yaml/);
  for (const text of [again!, newRevision!]) {
    assert.match(text, /^unchanged +create_pet, getPetInfo\n/m);
    assert.doesNotMatch(text, /not carried/);
  }
  const { servers, paths } = JSON.parse(json!) as { servers: { url: string }[]; paths: object };
  assert.deepEqual(Object.keys(paths), ["/v1/pets", "/v1/pets/{petId}"]);
  const pet = await until(async () => {
    const answer = await send({ url: `${servers[1]!.url}/v1/pets/1` });
    return answer.status === 200 ? answer : null;
  });
  assert.deepEqual(JSON.parse(pet.text), { id: 1, price: 9.5, type: "dog" });
});

test("scale out: an alias that keeps instances loaded, and who may join from elsewhere", async () => {
  for (let version = 1; version <= 4; version++) {
    await shell(`npx millrace --project shop function update orders --set VERSION=${version}`);
    await shell("npx millrace --project shop function publish orders");
  }
  const commands = commandsIn(SCALE_OUT).filter((line) => line.startsWith("npx millrace"));
  const printed: string[] = [];
  for (const line of commands) printed.push(await shell(line));
  assert.equal(commands.length, 4);
  assert.match(printed[1]!, /versions +4\nmin instances +2\n/);
  assert.match(printed[2]!, /runner north may join/);
  assert.match(printed[3]!, /gateway east may join/);
});

test("alarms: a silent function is told to the guide's receiver once, and tests are", async () => {
  const port = await freePort();
  const reader = readersShell(platform.platformFile, filesIn(ALARMS));
  const commands = commandsIn(ALARMS).map((line) => line.replaceAll(":9000/", `:${port}/`));
  assert.equal(commands.length, 13);
  const printed: string[] = [];
  for (const line of commands.slice(0, 5)) printed.push(await reader(line));
  const folder = (await reader("pwd")).trim();
  const said: string[] = [];
  const receiver = spawn(process.execPath, ["receiver.mjs", "alarm.json"], {
    cwd: folder,
    env: { PORT: String(port) },
  });
  after(() => stop(receiver));
  receiver.stdout.on("data", (chunk) => said.push(...String(chunk).trim().split("\n")));
  receiver.stderr.on("data", (chunk) => said.push(String(chunk)));
  await until(() => fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status === 401), { timeoutMs: 10_000 });
  const silent = "projects/watched/alarms/silent";
  await until(() => said.includes(`alarm.changed ${silent} alarm`), {
    timeoutMs: 20_000,
    message: () => said.join("\n"),
  });
  for (const line of commands.slice(5)) printed.push(await reader(line));
  const [, , , errors, created, tried, list, one, events, updated, rotated, again, deleted] = printed;
  assert.match(errors!, /^alarm errors: error_rate > 0\.05 over 5 min\nmrw_/);
  assert.match(created!, /saved to .*alarm\.json/);
  assert.doesNotMatch(created!, /mrw_/);
  for (const text of [tried!, again!]) assert.match(text, /^delivered: 204, after \d+ ms \(dl-/);
  assert.match(list!, /errors +ok .*\n *silent +ALARM /);
  assert.match(one!, /condition +invocations < 1 over 1 min/);
  assert.match(events!, /1 +\S+ +ok to ALARM +0 +0 +delivered +\d+ +204/);
  assert.match(updated!, /description +nobody calls/);
  assert.match(rotated!, /the secret before signs until/);
  assert.match(deleted!, /deleted projects\/watched\/alarms\/errors/);
  await until(() => said.filter((line) => line.startsWith("alarm.test")).length === 2);
  assert.equal(said.filter((line) => line.startsWith("alarm.changed")).length, 1);
  await reader("npx millrace --project watched alarm update silent --webhook http://10.1.2.3/hook");
  const refused = await reader("npx millrace --project watched alarm test silent || true");
  assert.match(refused, /^not delivered: address_refused, .*\n.*npm start -- --webhook-allow 127\.0\.0\.1$/m);
});

async function stop(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null) return;
  process.kill();
  await once(process, "exit");
}
