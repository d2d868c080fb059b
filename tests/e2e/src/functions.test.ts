/** What a function sees, what its caller sees, and what its provider reads afterwards. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { type LogEntry, LogServiceService } from "@millrace/proto/control/v1/logs";
import { until } from "@millrace/testing";
import { assertRefused, untilAnswer } from "./support/expect-answer.ts";
import { type Answer, type Call, send } from "./support/http.ts";
import { type ApiPlan, type FunctionPlan, provision } from "./support/provision.ts";
import { Duplex } from "./support/streaming.ts";
import { testPlatform } from "./support/test-platform.ts";

const MIB = 1024 ** 2;

const STREAM = `export default {
  async fetch(request) {
    const body = new ReadableStream({
      async start(controller) {
        const encoder = new TextEncoder();
        controller.enqueue(encoder.encode("ready;"));
        for await (const chunk of request.body ?? []) controller.enqueue(chunk);
        controller.close();
      },
    });
    return new Response(body, { status: 202, headers: { "x-url": request.url } });
  },
};`;

const FUNCTIONS: Record<string, FunctionPlan> = {
  event: {
    code: `export const handler = async (event, context) => ({
      statusCode: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event, context: { ...context, remaining: context.getRemainingTimeInMillis?.() } }),
    });`,
  },
  callback: {
    filename: "index.cjs",
    code: `exports.handler = function (event, context, callback) {
      setImmediate(() => callback(null, { statusCode: 201, headers: { "x-shape": "callback" }, body: "called back" }));
    };`,
  },
  typed: {
    filename: "index.ts",
    code: `type Pet = { name: string };
      export async function handler(): Promise<object> {
        const pet: Pet = { name: "Ada" };
        return { statusCode: 200, headers: {}, body: pet.name satisfies string };
      }`,
  },
  stream: { code: STREAM },
  limited: { code: STREAM, config: { maxConcurrencyPerRunner: 2 } },
  fetchEcho: { code: `export default { fetch: async (request) => new Response(await request.arrayBuffer()) };` },
  echo: {
    code: `export const handler = async ({ detail }) => ({
      statusCode: 200,
      headers: { "content-type": "application/octet-stream" },
      body: detail.body,
      isBase64Encoded: detail.isBase64Encoded,
    });`,
  },
  cookies: {
    code: `export const handler = async () => ({
      statusCode: 200,
      headers: { "x-one": "1" },
      multiValueHeaders: { "set-cookie": ["a=1", "b=2"] },
      body: "",
    });`,
  },
  hangs: { code: `export const handler = () => new Promise(() => {});`, config: { timeoutMs: 400 } },
  spins: {
    code: `export const handler = async ({ detail }) => {
      if (detail.queryParameters.spin) for (;;) {}
      return { statusCode: 200, headers: {}, body: "free" };
    };`,
    config: { timeoutMs: 500 },
  },
  throws: {
    code: `
      function inner() {
        throw new Error("the database password is hunter2");
      }
      export const handler = async () => inner();`,
  },
  greedy: {
    code: `export const handler = async ({ detail }) => {
      const kept = [];
      while (detail.queryParameters.eat) kept.push(new Array(100_000).fill(Math.random()));
      return { statusCode: 200, headers: {}, body: "sated" };
    };`,
    config: { memoryMib: 128, timeoutMs: 20_000 },
  },
  exits: {
    code: `export const handler = async ({ detail }) => {
      if (detail.queryParameters.leave) process.exit(3);
      return { statusCode: 200, headers: {}, body: "still here" };
    };`,
  },
  broken: {
    code: `if (process.env.BREAK) throw new Error("cannot start");
      export const handler = async () => ({ statusCode: 200 });`,
    config: { environment: { BREAK: "1" } },
  },
  wrongResult: {
    code: `export const handler = async ({ detail }) => ({
      nothing: undefined,
      text: "hello",
      status: { statusCode: "many", body: "" },
      body: { statusCode: 200, body: { not: "text" } },
    })[detail.queryParameters.kind];`,
  },
  logs: {
    code: `export const handler = async ({ detail }) => {
      console.log("said", detail.queryParameters.word);
      console.warn("warned", { nested: { deep: 1 } });
      console.error(new Error("only printed"));
      return { statusCode: 200, headers: {}, body: "" };
    };`,
  },
  variables: {
    code: `export const handler = async () => ({ statusCode: 200, headers: {}, body: JSON.stringify(process.env) });`,
    config: { environment: { SHOP: "pets" }, secrets: { API_PASSWORD: "function-secret-value" } },
  },
  single: {
    code: `let active = 0, most = 0;
      export const handler = async () => {
        most = Math.max(most, ++active);
        await new Promise((resolve) => setTimeout(resolve, 50));
        active--;
        return { statusCode: 200, headers: {}, body: String(most) };
      };`,
  },
  many: {
    code: `let active = 0, most = 0;
      export default {
        async fetch() {
          most = Math.max(most, ++active);
          await new Promise((resolve) => setTimeout(resolve, 100));
          active--;
          return new Response(String(most));
        },
      };`,
  },
};

const platform = await testPlatform();
const { rpc } = platform;
const apis: Record<string, ApiPlan> = {
  aws1: { method: "POST", path: "/aws1/{part}", backend: "event", eventFormat: "aws-1" },
  aws2: { method: "POST", path: "/aws2/{part}", backend: "event", eventFormat: "aws-2" },
};
for (const id of Object.keys(FUNCTIONS)) {
  apis[`${id}Get`] = { method: "GET", path: `/${id}/{part}`, backend: id };
  apis[`${id}Post`] = { method: "POST", path: `/${id}`, backend: id };
}
const shop = await provision(rpc, { prefix: "v1", functions: FUNCTIONS, apis });
const base = `${shop.deployment().pathUrl}/v1`;
await untilAnswer(() => send({ url: `${base}/event/x` }));

const get = (path: string, headers: Call["headers"] = {}): Promise<Answer> => send({ url: base + path, headers });
const post = (path: string, body: string | Uint8Array, headers: Call["headers"] = {}): Promise<Answer> =>
  send({ method: "POST", url: base + path, body, headers });

/** The lines of one request, once there is one that fits. */
async function logsOf(answer: Answer, fits: (line: LogEntry) => boolean): Promise<LogEntry[]> {
  const requestId = String(answer.headers["x-millrace-request-id"]);
  return until(
    async () => {
      const { entries } = await rpc.call(LogServiceService.listLogs, { parent: shop.project, requestId });
      return entries.some(fits) ? entries : undefined;
    },
    { timeoutMs: 10_000, message: `a log line of request ${requestId} that fits ${fits}` },
  );
}

describe("the event of a handler", () => {
  // biome-ignore lint/suspicious/noExplicitAny: the event is the function's own JSON
  const seen = (answer: Answer): { event: any; context: any } => JSON.parse(answer.text);

  test("is JD's API-gateway event, and the context says who runs", async () => {
    const headers = { "X-Tag": ["a", "b"], "content-type": "text/plain" };
    const answer = await get("/event/a%20b?one=1&many=1&many=2&flag&empty=", headers);
    assert.equal(answer.status, 200, answer.text);
    const { event, context } = seen(answer);
    assert.equal(event.version, "0");
    assert.equal(event.source, "apigateway");
    assert.equal(event.detailType, "ApiGatewayReceived");
    assert.equal(event.region, "local-1");
    assert.equal(Buffer.from(event.base64OwnerPin, "base64").toString(), shop.project.split("/")[1]);
    const { detail } = event;
    assert.equal(detail.httpMethod, "GET");
    assert.equal(detail.path, "/v1/event/a%20b");
    assert.deepEqual(detail.pathParameters, { part: "a b" });
    assert.deepEqual(detail.queryParameters, { one: "1", many: ["1", "2"], flag: true, empty: "" });
    assert.equal(detail.rawQueryString, "one=1&many=1&many=2&flag&empty=");
    assert.deepEqual(detail.multiValueHeaders["x-tag"], ["a", "b"]);
    const { requestContext } = detail;
    assert.equal(requestContext.stage, "online");
    assert.match(requestContext.apiId, /^api-[a-z0-9]{12}$/);
    assert.equal(requestContext.apiName, "eventGet");
    assert.equal(requestContext.revision, "0.0.1");
    assert.equal(requestContext.sourceIp, "127.0.0.1");
    assert.equal(requestContext.requestId, answer.headers["x-millrace-request-id"]);
    assert.equal(context.requestId, requestContext.requestId);
    assert.equal(context.functionName, "event");
    assert.equal(String(context.memoryLimitInMB), "128");
    assert.ok(context.remaining > 0 && context.remaining <= 10_000, String(context.remaining));
  });

  test("does not take over identity headers that the caller invented", async () => {
    const { event } = seen(await get("/event/x", { "x-jdcloud-pin": "Ym9zcw==", "x-jdcloud-userid": "1" }));
    assert.notEqual(event.detail.headers["x-jdcloud-pin"], "Ym9zcw==");
    assert.notEqual(event.detail.headers["x-jdcloud-userid"], "1");
  });

  test("is AWS' proxy event 1.0 where the API asks for it, with Lambda's context", async () => {
    const { event, context } = seen(
      await post("/aws1/p?a=1&a=2", "hello", { cookie: "c=1", "content-type": "text/plain" }),
    );
    assert.equal(event.version, "1.0");
    assert.equal(event.httpMethod, "POST");
    assert.equal(event.path, "/v1/aws1/p");
    assert.equal(event.resource, "/v1/aws1/{part}");
    assert.deepEqual(event.pathParameters, { part: "p" });
    assert.deepEqual(event.multiValueQueryStringParameters, { a: ["1", "2"] });
    assert.equal(event.queryStringParameters.a, "2");
    assert.equal(event.body, "hello");
    assert.equal(event.isBase64Encoded, false);
    assert.equal(event.requestContext.stage, "online");
    assert.equal(context.awsRequestId, event.requestContext.requestId);
  });

  test("is AWS' proxy event 2.0 where the API asks for it", async () => {
    const { event } = seen(await post("/aws2/p?a=1&a=2", Buffer.from([0, 255]), { cookie: "c=1; d=2" }));
    assert.equal(event.version, "2.0");
    assert.equal(event.routeKey, "POST /v1/aws2/{part}");
    assert.equal(event.rawPath, "/v1/aws2/p");
    assert.equal(event.rawQueryString, "a=1&a=2");
    assert.deepEqual(event.queryStringParameters, { a: "1,2" });
    assert.deepEqual(event.cookies, ["c=1", "d=2"]);
    assert.equal(event.isBase64Encoded, true);
    assert.equal(event.body, Buffer.from([0, 255]).toString("base64"));
    assert.equal(event.requestContext.http.method, "POST");
  });
});

describe("the shapes of a function", () => {
  test("a CommonJS handler may answer through its callback", async () => {
    const answer = await get("/callback/x");
    assert.deepEqual([answer.status, answer.text, answer.headers["x-shape"]], [201, "called back", "callback"]);
  });

  test("TypeScript is accepted as it is", async () => {
    assert.equal((await get("/typed/x")).text, "Ada");
  });

  test("repeated headers of a result arrive one by one", async () => {
    const answer = await get("/cookies/x");
    assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
    assert.equal(answer.headers["x-one"], "1");
  });

  test("a fetch handler streams both ways: its answer begins before the request has ended", async () => {
    const duplex = new Duplex(`${base}/stream`);
    duplex.write("a;");
    const head = await duplex.head;
    assert.equal(head.statusCode, 202);
    assert.match(String(head.headers["x-url"]), /^http:.*\/v1\/stream$/);
    let heard = (await duplex.read()) ?? "";
    while (!heard.includes("a;")) heard += await duplex.read();
    duplex.write("b;");
    while (!heard.includes("b;")) heard += await duplex.read();
    duplex.end();
    for (let piece = await duplex.read(); piece !== undefined; piece = await duplex.read()) heard += piece;
    assert.equal(heard, "ready;a;b;");
  });

  test("of a function with a limit no more calls run, the next is told at once, and others are served", async () => {
    const running = [1, 2].map(() => new Duplex(`${base}/limited`));
    for (const call of running) assert.equal((await call.head).statusCode, 202);
    for (const method of ["GET", "POST"]) {
      const over = await (method === "GET" ? get("/limited/x") : post("/limited", "x"));
      assertRefused(over, { status: 503, reason: "overloaded", component: "dispatch", detail: /as many calls/ });
      assert.equal(over.headers["retry-after"], "1");
    }
    assert.equal((await post("/stream", "")).status, 202);
    for (const call of running) call.end();
    assert.equal((await untilAnswer(() => post("/limited", "a"), 202)).text, "ready;a");
  });

  for (const id of ["echo", "fetchEcho"]) {
    test(`${id}: 2 MiB go there and back unharmed`, async () => {
      const body = randomBytes(2 * MIB);
      const answer = await post(`/${id}`, body, { "content-type": "application/octet-stream" });
      assert.equal(answer.status, 200, answer.text.slice(0, 300));
      assert.equal(answer.body.length, body.length);
      const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
      assert.equal(digest(answer.body), digest(body));
    });
  }

  test("a handler gets one call at a time in each instance, and instances run side by side", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => get("/single/x")));
    assert.deepEqual(new Set(answers.map(({ text }) => text)), new Set(["1"]));
  });

  test("a fetch handler gets many calls at a time in one instance", async () => {
    const answers = await Promise.all(Array.from({ length: 32 }, () => get("/many/x")));
    assert.ok(answers.every(({ status }) => status === 200));
    const most = Math.max(...answers.map(({ text }) => Number(text)));
    assert.ok(most > 1 && most <= 16, `${most} at a time`);
  });

  test("variables and secrets reach process.env, nothing of the platform does, and a secret is never shown", async () => {
    const environment = JSON.parse((await get("/variables/x")).text) as Record<string, string>;
    assert.equal(environment.SHOP, "pets");
    assert.equal(environment.API_PASSWORD, "function-secret-value");
    const platforms = Object.keys(environment).filter((name) => /^(MILLRACE_(?!FUNCTION)|NATS|OTEL)/.test(name));
    assert.deepEqual(platforms, []);
    const name = `${shop.project}/functions/variables`;
    const { config } = await rpc.call(FunctionServiceService.getFunction, { name });
    assert.deepEqual(config?.secrets, { API_PASSWORD: "" });
    assert.deepEqual(config?.environment, { SHOP: "pets" });
  });
});

describe("a function that fails", () => {
  test("by an error: the caller learns that it failed, the provider why and where", async () => {
    const answer = await get("/throws/x");
    assertRefused(answer, { status: 502, reason: "function_error", component: "function" });
    assert.ok(!answer.text.includes("hunter2"), answer.text);
    const lines = await logsOf(answer, ({ message }) => message.includes("hunter2"));
    const error = lines.find(({ message }) => message.includes("hunter2"))!;
    assert.equal(error.function, "throws");
    assert.match(error.message, /index\.mjs:3:\d+/, "the stack names the line of the upload");
  });

  test("by never answering: 504 at its own timeout, and it serves again", async () => {
    const answer = await get("/hangs/x");
    assertRefused(answer, { status: 504, reason: "function_timeout", component: "function" });
    assert.ok(answer.tookMs >= 400 && answer.tookMs < 3_000, `${answer.tookMs} ms`);
    assert.equal((await get("/event/x")).status, 200);
  });

  test("by a loop without end: 504, only it is killed, and it serves again", async () => {
    const answer = await get("/spins/x?spin=1");
    assertRefused(answer, { status: 504, reason: "function_timeout", component: "function" });
    assert.ok(answer.tookMs < 3_000, `${answer.tookMs} ms`);
    await untilAnswer(() => get("/spins/x"));
  });

  test("by memory: 502 function_out_of_memory, its neighbours live, and it serves again", async () => {
    const neighbours = Promise.all(Array.from({ length: 5 }, () => get("/single/x")));
    const answer = await send({ url: `${base}/greedy/x?eat=1`, timeoutMs: 25_000 });
    assertRefused(answer, { status: 502, reason: "function_out_of_memory", component: "function" });
    assert.ok((await neighbours).every(({ status }) => status === 200));
    await untilAnswer(() => get("/greedy/x"));
  });

  test("by ending its process: the log says so, and it serves again", async () => {
    const answer = await get("/exits/x?leave=1");
    assertRefused(answer, { status: 502, reason: "function_error", component: "function" });
    await logsOf(answer, ({ message }) => /exit code 3/.test(message));
    await untilAnswer(() => get("/exits/x"));
  });

  test("while it is loaded: 502 function_init_failed, and the log says why", async () => {
    const answer = await get("/broken/x");
    assertRefused(answer, { status: 502, reason: "function_init_failed", component: "function" });
    const { parent } = { parent: shop.project };
    await until(async () => {
      const { entries } = await rpc.call(LogServiceService.listLogs, { parent, function: "broken" });
      return entries.some(({ message }) => message.includes("cannot start"));
    });
  });

  test("by an answer that is none: 502 function_response_invalid, and the log says what is wrong", async () => {
    for (const kind of ["nothing", "text", "status", "body"]) {
      const answer = await get(`/wrongResult/x?kind=${kind}`);
      assertRefused(answer, { status: 502, reason: "function_response_invalid", component: "function" });
      await logsOf(answer, ({ message }) => /statusCode|status|body/i.test(message));
    }
  });
});

test("what a function prints is found by the request's id, with its level", async () => {
  const answer = await get("/logs/x?word=pelican");
  assert.equal(answer.status, 200);
  const lines = await logsOf(answer, ({ message }) => message.includes("only printed"));
  const said = lines.find(({ message }) => message.includes("said"))!;
  assert.deepEqual([said.level, said.message, said.function], ["info", "said pelican", "logs"]);
  assert.ok(lines.some(({ level, message }) => level === "warn" && message.includes("deep: 1")));
  assert.ok(lines.some(({ level }) => level === "error"));
  const other = await rpc.call(LogServiceService.listLogs, { parent: shop.project, requestId: "no-such-request" });
  assert.deepEqual(other.entries, []);
});

test("a caller that leaves does not harm the function", async () => {
  const duplex = new Duplex(`${base}/stream`);
  duplex.write("a;");
  await duplex.read();
  duplex.abandon();
  const again = new Duplex(`${base}/stream`);
  again.end();
  assert.equal((await again.head).statusCode, 202);
});
