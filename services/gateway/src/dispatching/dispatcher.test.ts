import assert from "node:assert/strict";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { beforeEach, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CANCELLATION, CHUNK_BYTES_MAX, INITIAL_CREDIT_BYTES } from "@millrace/frames";
import { until } from "@millrace/testing";
import type { FakeRunner } from "../testing/fake-runner.ts";
import { HELLO, HOST, startGateway } from "../testing/gateway-fixture.ts";

// Runners that reject, vanish, hang and flood, over a real NATS.

let answered: number;
beforeEach(() => {
  answered = 0;
});

async function setUp(t: TestContext, runners: readonly string[] = ["runner-1", "runner-2"], timeoutMs = 5_000) {
  const gateway = await startGateway(t, { runners });
  const backend = { $case: "function" as const, value: HELLO };
  await gateway.putVersion({ timeoutMs });
  await gateway.release(
    ["GET", "POST", "PUT"].map((method) => ({ apiName: method.toLowerCase(), method, path: "/hello", backend })),
  );
  return gateway;
}

const ok =
  (name: string): FakeRunner["behaviour"] =>
  (invocation) => {
    answered++;
    invocation.answer(200, [], name);
  };

/** An open response whose body is read by hand. */
function open(port: number, method = "GET", body?: Buffer) {
  const response = Promise.withResolvers<IncomingMessage>();
  const asked: ClientRequest = httpRequest({
    port,
    host: "127.0.0.1",
    method,
    path: "/hello",
    headers: { host: HOST },
    agent: false,
  });
  asked.on("response", response.resolve).on("error", response.reject).end(body);
  return { asked, response: response.promise };
}

test("a warm runner is taken before a cold one, and a full one is passed over", async (t) => {
  const gateway = await setUp(t);
  const cold = await gateway.startRunner({ id: "runner-1" });
  const warm = await gateway.startRunner({ id: "runner-2", warm: ["fn-hello@1"], slots: 1 });
  cold.behaviour = ok("cold");
  warm.behaviour = ok("warm");
  for (let n = 0; n < 5; n++) assert.equal((await gateway.ask()).body, "warm");
  warm.behaviour = (invocation) => invocation.accept();
  const stuck = open(gateway.port);
  await until(() => warm.invocations.length === 6);
  assert.equal((await gateway.ask()).body, "cold");
  stuck.asked.destroy();
  await assert.rejects(stuck.response);
});

test("a rejected invocation is placed again elsewhere, and the caller does not notice", async (t) => {
  const gateway = await setUp(t);
  const [one, two] = [
    await gateway.startRunner({ id: "runner-1", warm: ["fn-hello@1"] }),
    await gateway.startRunner({ id: "runner-2" }),
  ];
  two.behaviour = ok("two");
  for (const rejection of ["busy", "draining", "unknownFunction", "quarantined", "platform", "atLimit"] as const) {
    one.behaviour = (invocation) => invocation.reject(rejection);
    assert.equal((await gateway.ask({ method: "POST", body: "hi" })).body, "two", rejection);
    assert.equal(two.invocations.at(-1)!.invoke.body.toString(), "hi");
    const seen = one.invocations.length;
    await until(() => gateway.app.dispatcher.runners.get("runner-1")?.draining === false);
    assert.ok(seen > 0);
  }
  assert.equal(answered, 6);
});

test("what every runner rejects is given up with the reason that fits", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const runner = await gateway.startRunner();
  for (const [rejection, reason] of [
    ["busy", "overloaded"],
    ["unknownFunction", "no_runner"],
    ["quarantined", "function_quarantined"],
    ["atLimit", "overloaded"],
  ] as const) {
    runner.invocations.length = 0;
    runner.behaviour = (invocation) => invocation.reject(rejection);
    const started = performance.now();
    const answer = await gateway.ask();
    assert.deepEqual([answer.status, answer.problem.reason], [503, reason]);
    assert.ok(performance.now() - started < 2_500);
    // Who is full is asked once a beat, ten times in the second that a request waits.
    assert.ok(runner.invocations.length <= (rejection === "busy" ? 15 : 6), "placements are bounded");
  }
});

test("a function at its limit is told at once, and its runner still serves others", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const runner = await gateway.startRunner();
  runner.behaviour = (invocation) => invocation.reject("atLimit");
  const refused = await gateway.ask({ method: "POST" });
  assert.deepEqual([refused.status, refused.problem.reason, refused.headers["retry-after"]], [503, "overloaded", "1"]);
  assert.deepEqual([runner.invocations.length, gateway.app.dispatcher.waitingCalls], [1, 0]);
  runner.behaviour = (invocation) => invocation.answer(200);
  assert.equal((await gateway.ask()).status, 200);
});

test("without a runner a request waits briefly and is served when one comes", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const asked = gateway.ask();
  await until(() => gateway.app.dispatcher.waitingCalls === 1);
  await gateway.startRunner();
  assert.equal((await asked).status, 200);
});

test("without a runner for longer: 503 no_runner of the dispatch", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const answer = await gateway.ask();
  assert.deepEqual(
    [answer.status, answer.problem.reason, answer.problem.component, answer.headers["retry-after"]],
    [503, "no_runner", "dispatch", "1"],
  );
});

test("who waits for a slot is served in order of arrival", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const runner = await gateway.startRunner({ slots: 1 });
  const order: string[] = [];
  runner.behaviour = (invocation) => {
    order.push(invocation.invoke.target);
    void delay(15).then(() => invocation.answer(200));
  };
  const asked = [];
  for (const name of ["a", "b", "c", "d"]) {
    asked.push(gateway.ask({ path: `/hello?${name}` }));
    await until(() => gateway.app.dispatcher.openCalls + gateway.app.dispatcher.waitingCalls >= 1);
    await until(() => gateway.app.http.inFlight >= asked.length - order.length);
  }
  for (const answer of await Promise.all(asked)) assert.equal(answer.status, 200);
  assert.deepEqual(order, ["/hello?a", "/hello?b", "/hello?c", "/hello?d"]);
});

test("a runner that is fuller than it said is asked again as soon as a call there ends", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const runner = await gateway.startRunner({ slots: 8 });
  let busy = false;
  let rejected = 0;
  runner.behaviour = (invocation) => {
    if (busy) {
      rejected++;
      invocation.reject("busy");
      return;
    }
    busy = true;
    invocation.accept();
    void delay(5).then(() => {
      busy = false;
      invocation.head(200, [], "ok", true);
    });
  };
  const answers = await Promise.all(Array.from({ length: 30 }, () => gateway.ask({ method: "POST" })));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.ok(rejected > 0);
});

test("a function that does not answer in time: 504, a cancel frame, and what comes later is ignored", async (t) => {
  const gateway = await setUp(t, ["runner-1"], 100);
  const runner = await gateway.startRunner();
  runner.behaviour = (invocation) => invocation.accept();
  const started = performance.now();
  const answer = await gateway.ask();
  assert.deepEqual(
    [answer.status, answer.problem.reason, answer.problem.component],
    [504, "function_timeout", "function"],
  );
  const tookMs = performance.now() - started;
  assert.ok(tookMs >= 2_000 && tookMs < 3_000, `its own 100 ms and the grace, but it took ${tookMs}`);
  const late = runner.invocations[0]!;
  assert.equal(await late.cancelled.promise, CANCELLATION.deadline);
  late.head(200, [], "late", true);
  runner.behaviour = ok("new");
  assert.equal((await gateway.ask()).body, "new");
});

test("each attempt says what is left of the one deadline", async (t) => {
  const gateway = await setUp(t, ["runner-1"], 1_000);
  const runner = await gateway.startRunner();
  runner.behaviour = (invocation) => {
    if (invocation.invoke.attempt === 1) void delay(5).then(() => invocation.reject("platform"));
    else invocation.answer(200);
  };
  await gateway.ask();
  const [first, second] = runner.invocations.map(({ invoke }) => invoke);
  assert.deepEqual([first!.attempt, second!.attempt], [1, 2]);
  assert.ok(first!.remainingMs <= 3_000 && second!.remainingMs < first!.remainingMs);
});

test("a caller that goes away cancels its invocation", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const runner = await gateway.startRunner();
  runner.behaviour = (invocation) => invocation.accept();
  const { asked, response } = open(gateway.port);
  await until(() => runner.invocations.length === 1);
  asked.destroy();
  await assert.rejects(response);
  assert.equal(await runner.invocations[0]!.cancelled.promise, CANCELLATION.callerGone);
  await until(() => gateway.lines.some(({ reason }) => reason === "caller_gone"));
  assert.equal(gateway.app.dispatcher.openCalls, 0);
});

test("a runner that is lost: safe requests run elsewhere, others get 502 runner_lost, unaccepted ones always run", async (t) => {
  const gateway = await setUp(t);
  const dying = await gateway.startRunner({ id: "runner-1", warm: ["fn-hello@1"] });
  dying.behaviour = (invocation) => {
    if (invocation.invoke.target !== "/hello?unaccepted") invocation.accept();
  };
  const safe = gateway.ask();
  const unsafe = gateway.ask({ method: "POST", body: "once" });
  const unaccepted = gateway.ask({ method: "POST", path: "/hello?unaccepted", body: "again" });
  await until(() => dying.invocations.length === 3);
  const other = await gateway.startRunner({ id: "runner-2" });
  other.behaviour = ok("other");
  await dying.die();
  const lost = await unsafe;
  assert.deepEqual([lost.status, lost.problem.reason, lost.problem.component], [502, "runner_lost", "runner"]);
  assert.equal((await safe).body, "other");
  assert.equal((await unaccepted).body, "other");
  const bodies = other.invocations.map(({ invoke }) => invoke.body.toString()).sort();
  assert.deepEqual(bodies, ["", "again"], "what was not safe ran once at most");
});

test("a safe request whose invoke frame went astray is placed again", async (t) => {
  const gateway = await setUp(t);
  const deaf = await gateway.startRunner({ id: "runner-1", warm: ["fn-hello@1"] });
  deaf.behaviour = () => {};
  const other = await gateway.startRunner({ id: "runner-2" });
  other.behaviour = ok("other");
  assert.equal((await gateway.ask()).body, "other");
  await deaf.invocations[0]!.cancelled.promise;
});

/** A call that waited, then sat at a runner that never answers, while the only other one is full. */
async function setUpSilence(t: TestContext) {
  const gateway = await setUp(t);
  const asked = gateway.ask();
  await until(() => gateway.app.dispatcher.waitingCalls === 1);
  const silent = await gateway.startRunner({ id: "runner-1", slots: 0 });
  silent.behaviour = () => {};
  silent.slots = 1;
  await until(() => silent.invocations.length === 1);
  const full = await gateway.startRunner({ id: "runner-2", slots: 1 });
  full.behaviour = (invocation) => invocation.accept();
  const busy = gateway.ask();
  await until(() => full.invocations.length === 1);
  full.behaviour = ok("in the end");
  const free = async () => {
    full.invocations[0]!.head(200, [], "busy", true);
    assert.equal((await busy).status, 200);
  };
  return { asked, silent, free };
}

test("the time at a silent runner is not taken for waiting: the request is served when another has room", async (t) => {
  const { asked, silent, free } = await setUpSilence(t);
  await silent.invocations[0]!.cancelled.promise;
  await free();
  assert.equal((await asked).body, "in the end");
});

test("who was at a runner that died, and then finds the others full, is told that they are busy", async (t) => {
  const { asked, silent, free } = await setUpSilence(t);
  await silent.die();
  const answer = await asked;
  assert.deepEqual([answer.status, answer.problem.reason], [503, "overloaded"]);
  await free();
});

test("frames of another runner for a call are ignored", async (t) => {
  const gateway = await setUp(t);
  const honest = await gateway.startRunner({ id: "runner-1", warm: ["fn-hello@1"] });
  const liar = await gateway.startRunner({ id: "runner-2" });
  honest.behaviour = (invocation) => invocation.accept();
  const asked = gateway.ask();
  await until(() => honest.invocations.length === 1);
  liar.forge(honest.invocations[0]!, "forged");
  honest.invocations[0]!.head(200, [], "true", true);
  assert.equal((await asked).body, "true");
});

test("a large body goes to the runner no faster than it hands credit back", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const runner = await gateway.startRunner();
  runner.behaviour = (invocation) => {
    invocation.readsBody = false;
    invocation.accept();
  };
  const body = Buffer.alloc(2 * 1024 ** 2, 98);
  const { response } = open(gateway.port, "POST", body);
  // Nothing is cut to fit the credit, so the last chunk that does not fit waits whole.
  await until(() => (runner.invocations[0]?.body.length ?? 0) > INITIAL_CREDIT_BYTES - CHUNK_BYTES_MAX);
  await delay(50);
  const invocation = runner.invocations[0]!;
  assert.ok(invocation.body.length <= INITIAL_CREDIT_BYTES, "not a byte more without credit");
  invocation.readsBody = true;
  invocation.credit(INITIAL_CREDIT_BYTES);
  assert.ok((await invocation.bodyEnd.promise).equals(body));
  invocation.head(200, [], "done", true);
  const answer = await response;
  assert.equal(answer.statusCode, 200);
  answer.resume();
});

test("a large response streams, and the runner gets credit only as the caller reads", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const runner = await gateway.startRunner();
  const total = 64 * 1024 ** 2;
  const chunk = Buffer.alloc(64 * 1024, 99);
  let sent = 0;
  runner.behaviour = (invocation) => {
    invocation.accept().head(200, ["content-type", "text/plain"]);
    const pump = () => {
      while (sent < total && sent - invocation.creditBytes + chunk.length <= INITIAL_CREDIT_BYTES) {
        sent += chunk.length;
        invocation.chunk(chunk, sent === total);
      }
    };
    invocation.onCredit = pump;
    pump();
  };
  const { response } = open(gateway.port);
  const answer = await response;
  answer.pause();
  let before = -1;
  await until(async () => {
    if (before === sent) return true;
    before = sent;
    await delay(100);
    return false;
  });
  assert.ok(sent < total / 2, `the caller does not read, yet ${sent} bytes were sent`);
  let received = 0;
  for await (const piece of answer) received += piece.length;
  assert.equal(received, total);
});

test("a runner that sends without credit is cut off", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const runner = await gateway.startRunner();
  runner.behaviour = (invocation) => {
    invocation.accept().head(200);
    for (let n = 0; n < 400; n++) invocation.chunk(Buffer.alloc(64 * 1024));
  };
  const { response } = open(gateway.port);
  const answer = await response;
  answer.pause();
  await runner.invocations[0]!.cancelled.promise;
  await assert.rejects(async () => {
    for await (const piece of answer) assert.ok(piece);
  });
});

test("NATS away: function routes answer 503 no_runner at once, mocks go on, and it heals by itself", async (t) => {
  const gateway = await setUp(t, ["runner-1"]);
  const mock = { $case: "mock" as const, value: { status: 200, body: Buffer.from("mocked") } };
  const hello = { $case: "function" as const, value: HELLO };
  await gateway.release([
    { apiName: "get", method: "GET", path: "/hello", backend: hello },
    { apiName: "mock", method: "GET", path: "/mock", backend: mock },
  ]);
  const runner = await gateway.startRunner();
  runner.behaviour = (invocation) =>
    invocation.invoke.target === "/hello?stuck" ? invocation.accept() : invocation.answer(200);
  assert.equal((await gateway.ask()).status, 200);
  const stuck = gateway.ask({ path: "/hello?stuck" });
  await until(() => runner.invocations.length === 2);

  await gateway.nats.server.stop();
  await until(() => gateway.app.readiness().natsConnected === false);
  const started = performance.now();
  const answer = await gateway.ask();
  assert.deepEqual([answer.status, answer.problem.reason], [503, "no_runner"]);
  assert.ok(performance.now() - started < 200);
  assert.equal((await gateway.ask({ path: "/mock" })).body, "mocked");
  assert.equal((await stuck).status, 503, "a safe request that was under way is answered too");
  assert.equal(gateway.app.readiness().ready, true);

  await gateway.nats.server.start();
  await until(async () => (await gateway.ask()).status === 200, { timeoutMs: 10_000 });
});

test("a thousand requests on three runners, one killed midway: each gets exactly one answer, and no unsafe one runs twice", async (t) => {
  const gateway = await setUp(t, ["runner-1", "runner-2", "runner-3"]);
  const runs = new Map<string, number>();
  const runners = await Promise.all(
    ["runner-1", "runner-2", "runner-3"].map((id) => gateway.startRunner({ id, slots: 8, warm: ["fn-hello@1"] })),
  );
  for (const runner of runners) {
    runner.behaviour = (invocation) => {
      const { target, method } = invocation.invoke;
      invocation.accept();
      // A runner begins once its word is out; one that dies before has begun nothing.
      setImmediate(() => {
        if (method === "POST" && !runner.isDead) runs.set(target, (runs.get(target) ?? 0) + 1);
      });
      void delay(Math.random() * 10).then(() => invocation.head(200, [], target, true));
    };
  }
  let next = 0;
  const answers = new Map<string, string>();
  const worker = async () => {
    while (next < 1_000) {
      const path = `/hello?${next++}`;
      if (next === 400) void runners[0]!.die();
      const answer = await gateway.ask({ path, method: next % 2 === 0 ? "POST" : "GET" });
      assert.ok(!answers.has(path));
      answers.set(path, answer.status === 200 ? answer.body : answer.problem.reason);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  const failed = [...answers].filter(([path, body]) => body !== path);
  assert.equal(answers.size, 1_000);
  assert.ok(failed.length <= 16 && failed.every(([, reason]) => reason === "runner_lost"), JSON.stringify(failed));
  for (const [target, count] of runs) assert.equal(count, 1, `${target} ran ${count} times`);
  assert.equal(gateway.app.dispatcher.openCalls, 0);
});
