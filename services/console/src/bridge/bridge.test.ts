import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { startConsole, TOKEN } from "../console-fixture.ts";

const PROJECTS = "/api/millrace.control.v1.ProjectService";
const UPLOAD = "/api/millrace.control.v1.FunctionService/UploadCode";
const signedIn = { authorization: `Bearer ${TOKEN}` };
const LOGS = "/api/millrace.control.v1.LogService/ListLogs";

test("a unary call carries the bearer token and answers every field as JSON", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call(`${PROJECTS}/GetProject`, {
    json: { name: "projects/shop" },
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.deepEqual(answer.body, {
    name: "projects/shop",
    displayName: "ada@example.com",
    createdAt: "2026-01-31T12:00:00Z",
    etag: "",
  });
});

test("a caller's trace goes on in its calls, and what is no trace is not passed on", async (t) => {
  const { call, traceparents } = await startConsole(t);
  const ids = `${"4b".repeat(16)}-${"a1".repeat(8)}`;
  const tried = [`00-${ids}-01`, `cc-${ids}-03-${"x".repeat(4_000)}`, `00-${ids}`, `00-${"0".repeat(32)}-01`, "a b"];
  for (const traceparent of tried) {
    const headers = { ...signedIn, traceparent };
    await call(`${PROJECTS}/GetProject`, { json: { name: "projects/shop" }, headers });
  }
  await call(LOGS, {
    json: { parent: "projects/shop", pageSize: 1 },
    headers: { ...signedIn, traceparent: tried[0]! },
  });
  assert.deepEqual(traceparents, [`00-${ids}-01`, `00-${ids}-01`, "", "", "", `00-${ids}-01`]);
});

test("methods of auth are called there", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call("/api/millrace.auth.v1.MemberService/ListMembers", { json: { parent: "projects/shop" } });
  assert.deepEqual([answer.status, answer.body], [200, { members: [], nextPageToken: "" }]);
});

test("an error keeps its code, reason, violations and metadata, and names the request", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call(`${PROJECTS}/CreateProject`, { json: { projectId: "shop" } });
  assert.equal(answer.status, 409);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.deepEqual(answer.body, {
    type: "urn:millrace:reason:project_exists",
    title: "Already exists",
    status: 409,
    detail: "There is a project shop.",
    code: "already_exists",
    reason: "project_exists",
    requestId: answer.headers.get("x-request-id"),
    violations: [{ field: "project_id", description: "is taken" }],
    metadata: { project: "shop" },
  });
});

test("an unexpected failure of a peer shows nothing of itself", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call(`${PROJECTS}/DeleteProject`, { json: { name: "projects/shop" } });
  const text = answer.text;
  assert.equal(answer.status, 500);
  assert.doesNotMatch(text, /hunter2|postgres/);
  assert.equal(JSON.parse(text).reason, "internal");
});

test("a peer that is down is 503, without its address", async (t) => {
  const { call } = await startConsole(t, {}, { controlPlane: "127.0.0.1:9" });
  const answer = await call(`${PROJECTS}/GetProject`, { json: {} });
  assert.deepEqual(
    [answer.status, answer.body.reason, answer.body.detail],
    [503, "peer_unavailable", "control-plane does not answer."],
  );
});

test("a token that auth refuses is 401 with a challenge", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call(`${PROJECTS}/GetProject`, { json: {}, headers: { authorization: "Bearer wrong" } });
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
});

test("unknown fields and wrong types are refused, each with its path, and values are not repeated", async (t) => {
  const { call, logged } = await startConsole(t);
  const canary = "canary-7c1f";
  const json = {
    name: [canary],
    config: { timeoutMs: canary, environment: { A: 1 }, colour: canary },
    etag: "ok",
  };
  const answer = await call("/api/millrace.control.v1.FunctionService/UpdateFunction", { json });
  const text = answer.text;
  assert.equal(answer.status, 400);
  const problem = JSON.parse(text);
  assert.deepEqual(problem.violations, [
    { field: "name", description: "must be a string" },
    { field: "config.timeout_ms", description: "must be a whole number from -2147483648 to 2147483647" },
    { field: "config.environment", description: "must be an object, each value of it a string" },
    { field: "config.colour", description: "is no field of this message" },
  ]);
  assert.doesNotMatch(problem.detail, /\n/);
  assert.doesNotMatch(text + logged.join(), new RegExp(canary));
});

test("faults within lists of messages, enums and times are named", async (t) => {
  const { call } = await startConsole(t);
  const alias = await call("/api/millrace.control.v1.FunctionService/CreateAlias", {
    json: { targets: [{ version: 1 }, { weight: "half" }] },
  });
  assert.deepEqual(
    alias.body.violations.map(({ field }) => field),
    ["targets[1].weight"],
  );
  const group = await call("/api/millrace.control.v1.GroupService/CreateGroup", { json: { access: "OPEN" } });
  assert.match(group.body.detail, /^access: must be one of ACCESS_MODE_UNSPECIFIED, ACCESS_MODE_NONE/);
  const logs = await call(LOGS, { json: { after: "yesterday" } });
  assert.match(logs.body.detail, /^after: must be a time such as/);
});

for (const [title, body, detail] of [
  ["a body that is no JSON", '{"name": "pw-hunter2" oops}', "body: is not JSON (at character 22)"],
  ["a body that is no object", "[]", "body: must be an object"],
  ["a key given twice", '{"name":"a","name":"b"}', "body: must not hold a key twice"],
] as const) {
  test(`${title} is refused in one line`, async (t) => {
    const { call } = await startConsole(t);
    const answer = await call(`${PROJECTS}/GetProject`, { body });
    assert.deepEqual([answer.status, answer.body.detail], [400, detail]);
  });
}

test("nesting without end is refused as any other fault", async (t) => {
  const { call } = await startConsole(t);
  const depth = 500_000;
  for (const body of [
    `{"name":${"[".repeat(depth)}${"]".repeat(depth)}}`,
    `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`,
  ]) {
    const answer = await call(`${PROJECTS}/GetProject`, { body, headers: signedIn });
    assert.deepEqual([answer.status, answer.body.reason], [400, "request_invalid"]);
  }
});

test("of faults without end the first are named, in few bytes", async (t) => {
  const { call } = await startConsole(t);
  const long = "k".repeat(100_000);
  const keys = Array.from({ length: 300_000 }, (_, i) => `"k${i}":1`).join();
  const members = Array.from({ length: 300_000 }, () => `{"x":1}`).join();
  for (const [method, body] of [
    ["ProjectService/GetProject", `{"${long}":1,${keys}}`],
    ["ApiService/CreateApi", `{"definition":{"parameters":[${members}]}}`],
  ]) {
    const answer = await call(`/api/millrace.control.v1.${method}`, { body: body!, headers: signedIn });
    assert.deepEqual([answer.status, answer.body.violations.length], [400, 50]);
    assert.ok(answer.text.length < 50_000, `${answer.text.length} characters`);
  }
});

test("a number out of all range is named by its field", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call(`${PROJECTS}/ListProjects`, { body: '{"pageSize":1e999}' });
  assert.match(answer.body.detail, /^page_size: must be a whole number/);
});

test("strangers send small bodies only", async (t) => {
  const { call } = await startConsole(t);
  const [small, large] = [60, 70].map((kib) => JSON.stringify({ name: "x".repeat(kib * 1024) }));
  const send = async (body: string | undefined, headers = {}) => {
    const answer = await call(`${PROJECTS}/GetProject`, { body: body!, headers });
    return [answer.status, answer.body.reason];
  };
  assert.deepEqual(await send(small), [200, undefined]);
  assert.deepEqual(await send(large, signedIn), [200, undefined]);
  assert.deepEqual(await send(large), [401, "credential_missing"]);
  assert.deepEqual(await send(large, { authorization: "Bearer wrong" }), [401, "token_invalid"]);
});

test("streams of which nothing has come hold no memory of others", { timeout: 60_000 }, async (t) => {
  const { call, url } = await startConsole(t);
  const sockets = await Promise.all(Array.from({ length: 100 }, () => parkUpload(url)));
  const answer = await call(UPLOAD, { json: [{ header: { name: "projects/a/functions/b" } }] });
  assert.equal(answer.status, 200);
  const ends = await Promise.all(sockets.map((socket) => socket.answered));
  assert.ok(ends.every((text) => text.startsWith("HTTP/1.1 408 ")));
});

test("services for services, and what is in no contract, are not there", async (t) => {
  const { call } = await startConsole(t);
  for (const path of [
    "millrace.auth.v1.IdentityService/Authenticate",
    "millrace.auth.v1.IdentityService/DeriveSigningKeys",
    "millrace.control.v1.DeploymentLookupService/LookupDeployment",
    "grpc.health.v1.Health/Check",
    "millrace.control.v1.ProjectService/Nothing",
    "constructor",
  ]) {
    const answer = await call(`/api/${path}`, { json: {} });
    assert.deepEqual([path, answer.status, answer.body.reason], [path, 404, "route_not_found"]);
  }
});

test("GET /api lists the public methods with their comments, and no internal service", async (t) => {
  const { call } = await startConsole(t);
  const { services } = (await call("/api", { method: "GET" })).body;
  const names = services.map(({ name }) => name);
  assert.ok(names.includes("millrace.auth.v1.PeopleService") && names.includes("millrace.control.v1.GroupService"));
  assert.ok(!names.some((name) => /Identity|Lookup|grpc|google/.test(name)));
  const projects = services.find(({ name }) => name === "millrace.control.v1.ProjectService")!;
  const get = projects.methods.find(({ name }) => name === "DeleteProject")!;
  assert.equal(get.url, `${PROJECTS}/DeleteProject`);
  assert.match(get.description, /^Deletes an empty project\./);
});

test("only POST calls a method", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call(`${PROJECTS}/GetProject`, { method: "GET" });
  assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "POST"]);
});

test("a client stream takes an array or lines of messages, with bytes in base64", async (t) => {
  const { call } = await startConsole(t);
  const chunks = [Buffer.alloc(65_536, "a"), Buffer.from('tricky "}]{[,\\" text')];
  const messages = [
    { header: { name: "projects/shop/functions/hello", filename: "hello.ts" } },
    ...chunks.map((chunk) => ({ chunk: chunk.toString("base64") })),
  ];
  const uploadDigest = createHash("sha256").update(Buffer.concat(chunks)).digest("hex");
  for (const body of [JSON.stringify(messages, null, 1), messages.map((m) => JSON.stringify(m)).join("\n")]) {
    const answer = await call(UPLOAD, { body, headers: signedIn });
    const { name, code } = answer.body;
    assert.deepEqual([answer.status, name, code?.uploadDigest], [200, "projects/shop/functions/hello", uploadDigest]);
  }
});

test("a fault within a client stream ends it with a refusal", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call(UPLOAD, { body: '[{"header":{"name":"projects/a/functions/b"}},{"chunk":"***"}]' });
  assert.deepEqual([answer.status, answer.body.detail], [400, "chunk: must be a string of base64"]);
});

test("bodies over their bound are 413, declared or not", async (t) => {
  const { call, url } = await startConsole(t);
  const unary = await call(`${PROJECTS}/GetProject`, { json: { name: "x".repeat(8 * 1024 * 1024) } });
  assert.deepEqual([unary.status, unary.body.reason], [413, "body_too_large"]);
  const message = await call(UPLOAD, { json: [{ chunk: "A".repeat(6 * 1024 * 1024) }], headers: signedIn });
  assert.deepEqual([message.status, message.body.reason], [413, "body_too_large"]);
  assert.match(await declareUpload(url, 80 * 1024 * 1024 + 1), /^HTTP\/1.1 413 /);
});

test("a server stream answers one message a line", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call(LOGS, { json: { function: "hello", pageSize: 2_000 } });
  assert.equal(answer.headers.get("content-type"), "application/x-ndjson");
  const lines = answer.text.trimEnd().split("\n");
  assert.deepEqual([lines.length, JSON.parse(lines[1_999]!).message], [2_000, "line 1999"]);
});

test("a server stream that fails on the way ends with the problem, and before its first line with a status", async (t) => {
  const { call } = await startConsole(t);
  const late = (await call(LOGS, { json: { function: "broken", pageSize: 2 } })).text.trimEnd().split("\n");
  assert.equal(late.length, 3);
  assert.equal(JSON.parse(late[2]!).error.reason, "log_gone");
  const early = await call(LOGS, { json: { function: "broken", pageSize: 0 } });
  assert.deepEqual([early.status, early.body.reason], [503, "log_gone"]);
});

/** Begins an upload that never goes on. */
async function parkUpload(url: string): Promise<{ answered: Promise<string> }> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const answered = once(socket.setEncoding("utf8"), "data").then(([text]) => {
    socket.destroy();
    return String(text);
  });
  await new Promise((resolve) =>
    socket.write(`POST ${UPLOAD} HTTP/1.1\r\nhost: console\r\ntransfer-encoding: chunked\r\n\r\n`, resolve),
  );
  return { answered };
}

function declareUpload(url: string, bytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.setEncoding("utf8").once("data", (text) => {
      socket.destroy();
      resolve(String(text));
    });
    socket.once("error", reject);
    socket.write(`POST ${UPLOAD} HTTP/1.1\r\nhost: console\r\ncontent-length: ${bytes}\r\n\r\n[`);
  });
}
