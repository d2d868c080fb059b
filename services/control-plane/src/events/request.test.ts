import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SUBJECTS } from "@millrace/bus";
import { REASONS, type Reason } from "@millrace/errors";
import { LogServiceService, TailLogsRequest } from "@millrace/proto/control/v1/logs";
import { RequestFilter, type RequestReport, RequestServiceService } from "@millrace/proto/control/v1/requests";
import { LogBatch, RequestBatch, type RequestEvent } from "@millrace/proto/invocation/v1/invocation";
import { until } from "@millrace/testing";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { LIMITS } from "../limits.ts";
import { createProject } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, app } = await startControlPlane({ after });
const { listRequests, getRequest, tailRequests } = RequestServiceService;
const second = (n: number) => new Date(Date.now() + n * 1_000);

async function tell(project: string, ...events: (Partial<RequestEvent> & { requestId: string })[]): Promise<void> {
  const whole = events.map((event) => ({ time: second(0), project, status: 200, method: "GET", path: "/", ...event }));
  const bytes = RequestBatch.encode(RequestBatch.fromPartial({ events: whole })).finish();
  await jetstream(bus).publish(SUBJECTS.requests("gateway-1"), bytes);
}

function list(
  project: string,
  filter: Partial<RequestFilter> = {},
  page: { pageSize?: number; pageToken?: string } = {},
) {
  return client.call(listRequests, {
    parent: `projects/${project}`,
    filter: RequestFilter.fromPartial(filter),
    pageSize: 0,
    pageToken: "",
    ...page,
  });
}

const report = (project: string, id: string, token = "ada"): Promise<RequestReport> =>
  client.call(getRequest, { name: `projects/${project}/requests/${id}` }, { token });
const idsOf = ({ requests }: { requests: { name: string }[] }) => requests.map(({ name }) => name.split("/").at(-1));
const untilStored = (project: string, count: number) =>
  until(async () => {
    const answer = await list(project);
    return answer.requests.length >= count && answer;
  });

test("requests are listed newest first, with what the gateway told and which it was", async () => {
  await createProject(client, "shop");
  await tell("shop", {
    requestId: "one",
    time: second(1),
    phases: { access: 1, function: 2.5 } as never,
    api: "pets",
  });
  await tell("shop", { requestId: "two", time: second(2), keyId: "AK00000001\0", path: "/caf\u00e9" });
  const { requests } = await untilStored("shop", 2);
  const [two, one] = requests;
  assert.deepEqual([one!.name, one!.gateway, one!.api], ["projects/shop/requests/one", "gateway-1", "pets"]);
  assert.deepEqual(one!.phases, [
    { name: "access", durationMs: 1 },
    { name: "function", durationMs: 2.5 },
  ]);
  assert.deepEqual(
    [two!.name, two!.keyId, two!.path],
    ["projects/shop/requests/two", "AK00000001\u2400", "/caf\u00e9"],
  );
});

test("each member of a filter narrows the list, and all of them must hold", async () => {
  await createProject(client, "narrow");
  await tell(
    "narrow",
    {
      requestId: "a",
      time: second(10),
      function: "pets",
      api: "getPet",
      keyId: "AK00000001",
      path: "/Pets/1",
      group: "g1",
    },
    {
      requestId: "b",
      time: second(20),
      status: 404,
      reason: "no_route",
      path: "/other",
      method: "POST",
      userAgent: "Probe/1",
    },
    {
      requestId: "c",
      time: second(30),
      status: 502,
      reason: "function_error",
      function: "pets",
      functionVersion: 2,
      runner: "runner-9",
      cold: true,
      attempts: 2,
      durationMs: 900.5,
      environment: "test",
    },
  );
  await untilStored("narrow", 3);
  const cases: [Partial<RequestFilter>, string[]][] = [
    [{ function: "pets" }, ["c", "a"]],
    [{ api: "getPet" }, ["a"]],
    [{ keyId: "AK00000001" }, ["a"]],
    [{ requestId: "b" }, ["b"]],
    [{ reason: "function_error" }, ["c"]],
    [{ status: 404 }, ["b"]],
    [{ status: 403 }, []],
    [{ status: 5 }, ["c"]],
    [{ status: 4 }, ["b"]],
    [{ pathContains: "pETS/" }, ["a"]],
    [{ pathContains: "%" }, []],
    [{ after: second(15) }, ["c", "b"]],
    [{ after: second(15), before: second(25) }, ["b"]],
    [{ function: "pets", status: 2 }, ["a"]],
    [{ functionVersion: 2 }, ["c"]],
    [{ runner: "runner-9" }, ["c"]],
    [{ cold: true }, ["c"]],
    [{ cold: false }, ["b", "a"]],
    [{ attemptsMin: 2 }, ["c"]],
    [{ attemptsMin: 3 }, []],
    [{ durationMsMin: 900 }, ["c"]],
    [{ durationMsMin: 901 }, []],
    [{ group: "g1" }, ["a"]],
    [{ environment: "test" }, ["c"]],
    [{ method: "POST" }, ["b"]],
    [{ text: "pROBE" }, ["b"]],
    [{ text: "/1" }, ["b", "a"]],
    [{ text: "probe", function: "pets" }, []],
  ];
  for (const [filter, ids] of cases) assert.deepEqual(idsOf(await list("narrow", filter)), ids, JSON.stringify(filter));
  for (const [filter, field] of [
    [{ status: 6 }, "filter.status"],
    [{ reason: "No" }, "filter.reason"],
    [{ function: "1x" }, "filter.function"],
    [{ pathContains: "x".repeat(257) }, "filter.path_contains"],
    [{ text: "x".repeat(257) }, "filter.text"],
    [{ runner: "a b" }, "filter.runner"],
    [{ functionVersion: -1 }, "filter.function_version"],
    [{ attemptsMin: -1 }, "filter.attempts_min"],
    [{ durationMsMin: -1 }, "filter.duration_ms_min"],
    [{ group: "a b" }, "filter.group"],
    [{ environment: "live" }, "filter.environment"],
    [{ method: "get" }, "filter.method"],
  ] as const) {
    await refusedFields(list("narrow", filter), [field]);
  }
});

test("pages go on exactly where the last one ended, also among requests of the same instant, and while more come", async () => {
  await createProject(client, "pages");
  const time = second(10);
  await tell("pages", ...Array.from({ length: 7 }, (_, n) => ({ requestId: `r${n}`, time })));
  await untilStored("pages", 7);
  const ids: unknown[] = [];
  let pageToken = "";
  do {
    const page = await list("pages", {}, { pageSize: 3, pageToken });
    ids.push(...idsOf(page));
    pageToken = page.nextPageToken;
    await tell("pages", { requestId: `later${ids.length}`, time: second(30) });
  } while (pageToken !== "");
  assert.deepEqual(ids, ["r6", "r5", "r4", "r3", "r2", "r1", "r0"]);
  await refusedFields(list("pages", { status: 2 }, { pageToken: "x" }), ["page_token"]);
});

test("a message that is delivered twice is stored once, and one that cannot be read is passed over", async () => {
  await createProject(client, "twice");
  await tell("twice", { requestId: "once" });
  await untilStored("twice", 1);
  await (await jetstreamManager(bus)).consumers.delete("requests", "control-plane");
  await jetstream(bus).publish(SUBJECTS.requests("gateway-1"), Buffer.from([0xff, 0xff]));
  await tell("twice", { requestId: "marker", durationMs: Number.NaN });
  await until(async () => idsOf(await list("twice")).includes("marker"), { timeoutMs: 15_000 });
  assert.deepEqual(idsOf(await list("twice")).toSorted(), ["marker", "once"]);
});

async function run(project: string, requestId: string, reason: string, lines: [string, string][], runner = "runner-1") {
  const batch = LogBatch.fromPartial({
    project,
    functionUid: "fn-1",
    functionId: "pets",
    version: 3,
    requestId,
    lines: lines.map(([level, message]) => ({ time: second(0), level, message })),
    outcome: { endTime: second(0), status: reason ? 0 : 200, reason, durationMs: 7, waitMs: 1, cpuUs: 900, cold: true },
  });
  await jetstream(bus).publish(SUBJECTS.log(runner, project, "fn-1"), LogBatch.encode(batch).finish());
}

test("one request is explained by what gateway, runner and function told of it", async () => {
  await createProject(client, "told");
  const failed = { status: 502, reason: "function_error", component: "function", function: "pets", durationMs: 9 };
  await run("told", "r1", "function_error", [
    ["info", "begun"],
    ["error", "TypeError: sold out\n    at sell (shop.ts:6:11)"],
  ]);
  await tell("told", { requestId: "r1", runner: "runner-1", attempts: 1, ...failed });
  const known = await until(async () => {
    const answer = await report("told", "r1").catch(() => undefined);
    return answer?.request && answer.invocations.length > 0 && answer;
  });
  assert.equal(known.summary, "502 function_error (function: The function failed): TypeError: sold out");
  assert.deepEqual([known.mender, known.advice], ["provider", REASONS.function_error.advice]);
  assert.deepEqual(
    known.entries.map(({ level, message }) => `${level} ${message.split("\n")[0]!.slice(0, 25)}`),
    ["info begun", "error TypeError: sold out", "platform end reason=function_error"],
  );
  const { endTime, ...invocation } = known.invocations[0]!;
  assert.ok(endTime);
  assert.deepEqual(invocation, {
    requestId: "r1",
    function: "pets",
    version: 3,
    runner: "runner-1",
    status: 0,
    reason: "function_error",
    durationMs: 7,
    waitMs: 1,
    cpuUs: 900,
    cpuShared: false,
    memoryKib: undefined,
    cold: true,
    bytesIn: 0,
    bytesOut: 0,
  });
});

test("a request that was served, one whose caller left and each reason of the table have a sentence", async () => {
  await createProject(client, "words");
  const reasons = Object.keys(REASONS) as Reason[];
  await tell(
    "words",
    { requestId: "served", function: "pets", durationMs: 4.25 },
    { requestId: "mocked", durationMs: 1, backend: "mock" },
    { requestId: "proxied", durationMs: 1, status: 500, backend: "http", backendHost: "api.example.com" },
    { requestId: "left", status: 0, reason: "caller_gone", durationMs: 1_500 },
    ...reasons.map((reason) => ({ requestId: reason, reason, status: REASONS[reason].status })),
  );
  await untilStored("words", reasons.length + 4);
  const summaryOf = async (id: string) => (await report("words", id)).summary;
  assert.equal(await summaryOf("served"), "The function pets answered: 200, after 4.3 ms.");
  assert.equal(await summaryOf("mocked"), "The gateway, for a mock backend, answered: 200, after 1.0 ms.");
  assert.equal(await summaryOf("proxied"), "The http backend api.example.com answered: 500, after 1.0 ms.");
  const { advice: ownAdvice, mender: owner } = await report("words", "proxied");
  assert.deepEqual([owner, ownAdvice], ["provider", "The status is the backend's own: look at the backend's log."]);
  assert.equal((await report("words", "mocked")).advice, "");
  assert.equal(await summaryOf("left"), "The caller left after 1500 ms, before it had the whole answer.");
  for (const reason of reasons) {
    const { summary, advice, mender } = await report("words", reason);
    assert.ok(
      summary.startsWith(`${REASONS[reason].status} ${reason} (`) && summary.includes(REASONS[reason].title),
      summary,
    );
    assert.deepEqual([advice, mender], [REASONS[reason].advice, REASONS[reason].mender]);
  }
});

test("what only the runner told is shown without the gateway's part, and what nobody told is not found", async () => {
  await createProject(client, "half");
  await run("half", "r1", "", []);
  const half = await until(() => report("half", "r1").catch(() => undefined));
  assert.equal(half.request, undefined);
  assert.match(half.summary, /^The function answered 200;/);
  await refused(report("half", "none"), "not_found", "request_not_found");
});

test("a project sees no request of another, nor of one of its name that is gone", async () => {
  await createProject(client, "mine");
  await createProject(client, "theirs", { token: "eve" });
  await tell("theirs", { requestId: "secret" });
  await run("theirs", "secret", "", [["info", "secret"]]);
  await until(() =>
    client.call(getRequest, { name: "projects/theirs/requests/secret" }, { token: "eve" }).catch(() => undefined),
  );
  await refused(report("mine", "secret"), "not_found", "request_not_found");
  await refused(report("theirs", "secret"), "not_found", "project_not_found");
  await refused(list("theirs"), "not_found", "project_not_found");
  assert.deepEqual(idsOf(await list("mine")), []);
  const tail = client.callServerStream(tailRequests, {
    parent: "projects/theirs",
    filter: undefined,
    backlog: 0,
    resumeToken: "",
  });
  await refused(tail.next(), "not_found", "project_not_found");
});

test("a tail shows what was there, then what comes, each once, and goes on where another ended", async () => {
  await createProject(client, "tailed");
  await tell("tailed", { requestId: "old" }, { requestId: "older", status: 500 });
  await untilStored("tailed", 2);
  const request = {
    parent: "projects/tailed",
    filter: RequestFilter.fromPartial({ status: 2 }),
    backlog: 10,
    resumeToken: "",
  };
  const stop = new AbortController();
  const seen: unknown[] = [];
  let resumeToken = "";
  const follow = async (from: string, untilId: string) => {
    for await (const turn of client.callServerStream(
      tailRequests,
      { ...request, resumeToken: from },
      { signal: stop.signal },
    )) {
      seen.push(...idsOf(turn));
      resumeToken = turn.resumeToken;
      if (seen.includes(untilId)) return;
    }
  };
  const first = follow("", "second");
  await until(() => seen.includes("old"));
  await tell("tailed", { requestId: "first" }, { requestId: "failed", status: 502 }, { requestId: "second" });
  await first;
  await tell("tailed", { requestId: "between" });
  await follow(resumeToken, "between");
  stop.abort();
  assert.deepEqual(seen, ["old", "first", "second", "between"]);
  await refusedFields(client.callServerStream(tailRequests, { ...request, resumeToken: "x" }).next(), ["resume_token"]);
  await refusedFields(client.callServerStream(tailRequests, { ...request, backlog: 1_001 }).next(), ["backlog"]);
});

test("log lines are tailed alike, and a person's tails are bounded and free again when they end", async () => {
  await createProject(client, "lines");
  await run("lines", "r1", "", [["info", "first"]]);
  const stop = new AbortController();
  const open = () =>
    client.callServerStream(
      LogServiceService.tailLogs,
      TailLogsRequest.fromPartial({ parent: "projects/lines", backlog: 100 }),
      { signal: stop.signal },
    );
  await until(() => report("lines", "r1").catch(() => undefined));
  const tails = Array.from({ length: LIMITS.tails.ofOneMax }, open);
  for (const tail of tails) assert.equal((await tail.next()).value!.entries[0]!.message, "first");
  await refused(open().next(), "resource_exhausted", "tails_exhausted");
  await run("lines", "r2", "", [["warn", "second"]]);
  assert.equal((await tails[0]!.next()).value!.entries[0]!.message, "second");
  for (const tail of tails) await tail.return(undefined);
  const again = await until(async () => {
    const tail = open();
    return tail.next().then(
      () => tail,
      () => undefined,
    );
  });
  await again.return(undefined);
  stop.abort();
  await app.turnPartitions();
});
