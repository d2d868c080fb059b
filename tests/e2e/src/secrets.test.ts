/**
 * A canary in each secret, then everything is exercised, also wrongly, and everything is searched: logs, process list, environments,
 * the bus, what the engines keep, what callers are told.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { unprivilegedHome } from "@millrace/local";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import { TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import { FunctionConfig, FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { AccessMode } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { Redis } from "ioredis";
import postgres from "postgres";
import { bridge } from "./support/bridge.ts";
import { BusObserver } from "./support/bus-observer.ts";
import { Canaries, type Finding } from "./support/canaries.ts";
import { untilAnswer } from "./support/expect-answer.ts";
import { exchange, send } from "./support/http.ts";
import { allProcesses, descendantsOf, readProc } from "./support/processes.ts";
import { authorizeKey, createAccessKey, createSubscriptionKey, provision } from "./support/provision.ts";
import { ALGORITHMS, sendSigned, signedCall } from "./support/signed-call.ts";
import { testPlatform } from "./support/test-platform.ts";

const observer = new BusObserver();
const platform = await testPlatform({ natsUsers: [observer.natsUser], logLevel: "debug" });
const { rpc } = platform;
const canaries = new Canaries();
/** What callers were told, for the search. */
const answers: { readonly to: string; readonly text: string }[] = [];
const secret = (name: string): string => canaries.plant(name, `canary-${randomBytes(18).toString("base64url")}`);

/** Not secret: it must be found, or the search finds nothing at all. */
const VISIBLE = `visible-${randomBytes(9).toString("hex")}`;

after(() => observer.close());

function plantPlatformSecrets(): void {
  const ofPem = (pem: string): string => pem.split("\n")[1]!;
  for (const file of readdirSync(platform.secretsFolder)) {
    const content = readFileSync(join(platform.secretsFolder, file), "utf8").trim();
    if (/private|PRIVATE KEY/.test(content)) canaries.plant(file, ofPem(content).slice(-40));
    else if (/\.(seed|password|key)$/.test(file)) canaries.plant(file, content);
  }
  canaries.plant("the operator's password", platform.operator.password);
  canaries.plant("the operator's token", secretHalf(platform.operator.token));
}

/** A token is its kind, an id to find it by, and the half that is secret; the last may hold any letter of base64url. */
const secretHalf = (token: string): string => token.replace(/^[a-z]+_[a-z0-9]+_/, "");

/** Keeps what a call that is meant to fail told its caller. */
async function failing(to: string, call: () => Promise<unknown>): Promise<void> {
  const text = await call().then(
    (answer) => JSON.stringify(answer),
    (error: Error & { violations?: unknown; metadata?: unknown }) =>
      JSON.stringify([error.message, error.violations, error.metadata]),
  );
  answers.push({ to, text });
}

async function exercise(): Promise<void> {
  const functionSecret = secret("a function's secret variable");
  const config = { environment: { SHOWN: VISIBLE }, secrets: { API_PASSWORD: functionSecret }, timeoutMs: 500 };
  const code = `export const handler = async ({ detail }) => {
    if (detail.queryParameters.fail) throw new Error("failed");
    if (detail.queryParameters.hang) await new Promise(() => {});
    return { statusCode: 200, headers: {}, body: String(process.env.API_PASSWORD.length) };
  };`;
  const shop = await provision(rpc, {
    access: AccessMode.AUTHORIZED,
    functions: { work: { code, config } },
    apis: {
      read: { method: "GET", path: "/work", backend: "work" },
      make: { method: "POST", path: "/work", backend: "work" },
    },
  });
  const deployment = shop.deployment();
  await exercisePeople();
  await exerciseKeys(shop.project, deployment);
  const name = `${shop.project}/functions/work`;
  const tooLong = FunctionConfig.fromPartial({ secrets: { API_PASSWORD: functionSecret.repeat(300) } });
  await failing("a secret that is too long", () =>
    rpc.call(FunctionServiceService.updateFunction, { name, config: tooLong }),
  );
  const badKey = FunctionConfig.fromPartial({ secrets: { "not a key": functionSecret } });
  await failing("a secret with a bad key", () =>
    rpc.call(FunctionServiceService.updateFunction, { name, config: badKey }),
  );
  await failing("the function", () => rpc.call(FunctionServiceService.getFunction, { name }));
}

async function exercisePeople(): Promise<void> {
  const email = "canary@example.com";
  const password = secret("a person's password");
  const { invitationToken } = await rpc.call(PeopleServiceService.invitePerson, { email });
  canaries.plant("an invitation's token", secretHalf(invitationToken));
  const accept = { invitationToken, displayName: "Canary", password };
  const { token: session } = await rpc.call(PeopleServiceService.acceptInvitation, accept);
  canaries.plant("a session's token", secretHalf(session));
  const made = await rpc.call(TokenServiceService.createToken, { displayName: "canary" });
  canaries.plant("an API token", secretHalf(made.secret));
  await rpc.as(made.secret).call(ProjectServiceService.listProjects, {});
  await rpc.call(PeopleServiceService.signIn, { email, password });
  await failing("a wrong email", () => rpc.call(PeopleServiceService.signIn, { email: "x@example.com", password }));
  await failing("an invitation used twice", () => rpc.call(PeopleServiceService.acceptInvitation, accept));
  const shortened = made.secret.slice(0, -1);
  await failing("a token cut short", () => rpc.as(shortened).call(ProjectServiceService.listProjects, {}));
  const change = { currentPassword: "wrong", newPassword: password };
  await failing("a wrong password", () => rpc.as(session).call(PeopleServiceService.changePassword, change));
  const call = bridge(platform.consoleUrl, made.secret);
  await failing("the bridge, a wrong type", () =>
    call("millrace.auth.v1.PeopleService", "SignIn", { email, password: [password] }),
  );
  await failing("the bridge, no JSON", () =>
    call("millrace.auth.v1.PeopleService", "SignIn", `{"password":"${password}" oops`),
  );
}

async function exerciseKeys(
  project: string,
  deployment: { name: string; host: string; pathUrl: string },
): Promise<void> {
  const key = await createAccessKey(rpc, project);
  canaries.plant("an access key's secret", key.secret);
  const bearer = await createSubscriptionKey(rpc, project);
  canaries.plant("a subscription key", bearer.value);
  for (const { keyId } of [key, bearer]) await authorizeKey(rpc, deployment.name, keyId);
  const url = `${deployment.pathUrl}/work`;
  const headers = { "x-api-key": bearer.value };
  await untilAnswer(() => send({ url, headers }));
  for (const algorithm of ALGORITHMS) {
    await untilAnswer(() => sendSigned({ algorithm, key, deployment, path: "/work" }));
    const call = signedCall({ algorithm, key, deployment, path: "/work", method: "POST", body: "{}" });
    await failing(`${algorithm}, an altered body`, () => send({ ...call, body: "[]" }));
  }
  await failing("the other header", () => send({ url, headers: { "jdcloud-apim-subscription-key": bearer.value } }));
  await failing("a function's error", () => send({ url: `${url}?fail=1`, headers }));
  await failing("a function's timeout", () => send({ url: `${url}?hang=1`, headers }));
  await failing("no route", () => send({ url: `${deployment.pathUrl}/none`, headers }));
  await failing("no deployment", () => send({ url: `${platform.gatewayUrl}/~aaaaaaaaaaaa/online/x`, headers }));
  await failing("both credentials", () =>
    send({ url, headers: { ...headers, authorization: `Bearer ${bearer.value}` } }),
  );
  const garbage = `GET /work HTTP/1.1\r\nhost: x\r\nx-api-key: ${bearer.value}\r\nbad header\r\n\r\n`;
  await failing("bytes that are no HTTP", () => exchange(platform.gatewayUrl, garbage));
}

function assertNothing(findings: readonly Finding[]): void {
  const lines = [...new Set(findings.map(({ canary, where }) => `${canary} in ${where}`))];
  assert.ok(lines.length === 0, `\n  ${lines.join("\n  ")}`);
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, entry);
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) yield path;
  }
}

const inFiles = (folder: string): Finding[] =>
  [...filesBelow(folder)].flatMap((path) => canaries.findIn(path, readFileSync(path)));

describe("after everything was exercised, rightly and wrongly, no secret is found", () => {
  before(async () => {
    plantPlatformSecrets();
    await observer.listen(platform.natsUrl);
    await exercise();
  });

  test("and there were secrets to find", () => {
    for (const name of [
      "a function's secret variable",
      "an access key's secret",
      "a subscription key",
      "an API token",
    ]) {
      assert.ok(canaries.names.includes(name), name);
    }
    const keys = ["master.key", "control-plane.key", "gateway.pem", "runner-private.pem"];
    for (const file of [...keys, "postgres.password", "redis.password"]) {
      assert.ok(canaries.names.includes(file), `${file} among ${canaries.names.join(", ")}`);
    }
    assert.ok(canaries.names.filter((name) => name.endsWith(".seed")).length >= 4);
  });

  test("in no log", () => {
    const written = [...filesBelow(platform.logsFolder)].map((path) => readFileSync(path, "utf8")).join("");
    assert.ok(written.includes("/work"), "the logs tell of the calls");
    assertNothing(inFiles(platform.logsFolder));
  });

  test("in no command line of this machine, and in no environment of the platform's processes", () => {
    const everyone = allProcesses();
    assert.ok(everyone.some(({ commandLine }) => commandLine.includes("services/gateway")));
    assertNothing(everyone.flatMap(({ pid }) => canaries.findIn(`cmdline of ${pid}`, readProc(pid, "cmdline"))));
    const own = descendantsOf([process.pid]);
    const environments = own.map(({ pid, commandLine }) => ({
      where: `environ of ${commandLine}`,
      text: readProc(pid, "environ"),
    }));
    assert.ok(environments.some(({ text }) => text.includes("MILLRACE_GATEWAY_ID")));
    assertNothing(environments.flatMap(({ where, text }) => canaries.findIn(where, text)));
  });

  test("in no message on the bus", () => {
    const messages = [...observer.contents()];
    assert.ok(
      messages.some(({ subject }) => subject.startsWith("mr.runner.")),
      "invocations were heard",
    );
    assert.ok(
      messages.some(({ subject }) => subject.startsWith("$KV.")),
      "projections were heard",
    );
    assert.ok(
      messages.some(({ bytes }) => bytes.includes(VISIBLE)),
      "what is not secret is found",
    );
    assertNothing(messages.flatMap(({ subject, bytes }) => canaries.findIn(subject, bytes)));
  });

  test("in nothing that NATS keeps and that runners keep", () => {
    const home = unprivilegedHome(platform.stateDirectory);
    assertNothing([...inFiles(join(home, "data/nats")), ...inFiles(join(home, "runners"))]);
  });

  test("in no table of either database", async () => {
    let rows = 0;
    const findings: Finding[] = [];
    for (const service of ["auth", "control-plane"] as const) {
      const sql = postgres(platform.databaseUrl(service), { max: 1, fetch_types: false, onnotice: () => {} });
      const tables = await sql<
        { name: string }[]
      >`select tablename as name from pg_tables where schemaname = current_schema()`;
      for (const { name } of tables) {
        for (const { row } of await sql<{ row: string }[]>`select t::text as row from ${sql(name)} t`) {
          rows++;
          findings.push(...canaries.findIn(`table ${name} of ${service}`, row));
        }
      }
      await sql.end();
    }
    assert.ok(rows > 20, `${rows} rows`);
    assertNothing(findings);
  });

  test("in nothing that Redis holds", async () => {
    const redis = new Redis(platform.engines.redis.url, { maxRetriesPerRequest: 1 });
    const keys = await redis.keys("*");
    assert.ok(keys.length > 0, "nonces are remembered");
    const held = await Promise.all(keys.map(async (key) => `${key}=${await redis.get(key)}`));
    redis.disconnect();
    assertNothing(held.flatMap((pair) => canaries.findIn("Redis", pair)));
  });

  test("in no answer", () => {
    assert.ok(answers.length >= 15);
    assertNothing(answers.flatMap(({ to, text }) => canaries.findIn(`the answer to ${to}`, text)));
  });
});
