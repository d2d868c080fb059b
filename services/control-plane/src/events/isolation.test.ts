import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SUBJECTS } from "@millrace/bus";
import {
  ListLogsRequest,
  ListLogsResponse,
  LogServiceService,
  TailLogsRequest,
  TailLogsResponse,
} from "@millrace/proto/control/v1/logs";
import {
  GetRequestRequest,
  ListRequestsRequest,
  ListRequestsResponse,
  RequestFilter,
  RequestReport,
  RequestServiceService,
  TailRequestsRequest,
  TailRequestsResponse,
} from "@millrace/proto/control/v1/requests";
import { LogBatch, RequestBatch } from "@millrace/proto/invocation/v1/invocation";
import { until } from "@millrace/testing";
import { jetstream } from "@nats-io/jetstream";
import { createProject } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

// Two projects of which everything is alike but a word. Whoever may see the one looks for the other's word by every call and filter.

const { client, bus } = await startControlPlane({ after });
const { listRequests, getRequest, tailRequests, listUnroutedRequests, tailUnroutedRequests, getUnroutedRequest } =
  RequestServiceService;
const { listLogs, tailLogs } = LogServiceService;

async function tellOf(project: string, word: string): Promise<void> {
  const time = new Date();
  const event = {
    time,
    project,
    requestId: "r1",
    api: "pets",
    function: "pets",
    functionVersion: 1,
    keyId: "AK00000001",
  };
  const shown = {
    status: 502,
    reason: "function_error",
    method: "GET",
    path: `/${word}`,
    userAgent: word,
    runner: "runner-1",
  };
  const more = { group: "g", environment: "test", attempts: 1, durationMs: 5, cold: true };
  const gap = { project, series: 7, told: 1, dropped: word.length * 1_000 };
  const requests = RequestBatch.fromPartial({ events: [{ ...event, ...shown, ...more }], tallies: [gap] });
  await jetstream(bus).publish(SUBJECTS.requests("gateway-1"), RequestBatch.encode(requests).finish());
  if (project === "") return;
  const logs = LogBatch.fromPartial({
    project,
    functionUid: "fn-1",
    functionId: "pets",
    version: 1,
    requestId: "r1",
    lines: [{ time, level: "error", message: word }],
    outcome: { endTime: time, status: 0, reason: "function_error" },
    tally: { ...gap, told: 2 },
  });
  await jetstream(bus).publish(SUBJECTS.log("runner-1", project, "fn-1"), LogBatch.encode(logs).finish());
}

await createProject(client, "mine");
await createProject(client, "theirs", { token: "eve" });
await tellOf("theirs", "canaries");
await tellOf("", "canaries");
await tellOf("mine", "own");
await until(async () => {
  const report = await client
    .call(getRequest, { name: "projects/theirs/requests/r1" }, { token: "eve" })
    .catch(() => null);
  const mine = await client.call(getRequest, { name: "projects/mine/requests/r1" }).catch(() => null);
  return [report, mine].every((one) => one?.request && one.invocations.length > 0);
});

const FILTERS: Partial<RequestFilter>[] = [
  {},
  { requestId: "r1" },
  { function: "pets" },
  { api: "pets" },
  { keyId: "AK00000001" },
  { status: 502 },
  { status: 5 },
  { reason: "function_error" },
  { after: new Date(0) },
  { before: new Date(Date.now() + 60_000) },
  { pathContains: "/" },
  { functionVersion: 1 },
  { runner: "runner-1" },
  { cold: true },
  { attemptsMin: 1 },
  { durationMsMin: 1 },
  { text: "n" },
  { text: "canaries" },
  { group: "g" },
  { environment: "test" },
  { method: "GET" },
];
const LOG_FILTERS: Partial<ListLogsRequest>[] = [
  {},
  { function: "pets" },
  { requestId: "r1" },
  { after: new Date(0) },
  { before: new Date(Date.now() + 60_000) },
  { levels: ["error", "platform"] },
  { version: 1 },
  { runner: "runner-1" },
  { text: "n" },
  { text: "canaries" },
];

/** A tail's first turn. */
async function firstOf<Turn>(tail: AsyncGenerator<Turn>): Promise<Turn> {
  const { value } = await tail.next();
  await tail.return(undefined);
  return value as Turn;
}

/** Everything that a viewer of one project can be told, by every call and filter. */
function asked(project: string, token: string): [string, () => Promise<unknown>][] {
  const parent = `projects/${project}`;
  const caller = { token };
  const name = `${parent}/requests/r1`;
  return [
    [
      "GetRequest",
      async () => RequestReport.toJSON(await client.call(getRequest, GetRequestRequest.create({ name }), caller)),
    ],
    ...FILTERS.flatMap((filter): [string, () => Promise<unknown>][] => {
      const list = ListRequestsRequest.fromPartial({ parent, filter });
      const tail = TailRequestsRequest.fromPartial({ parent, filter, backlog: 100 });
      return [
        [
          `ListRequests ${JSON.stringify(filter)}`,
          async () => ListRequestsResponse.toJSON(await client.call(listRequests, list, caller)),
        ],
        [
          `TailRequests ${JSON.stringify(filter)}`,
          async () => TailRequestsResponse.toJSON(await firstOf(client.callServerStream(tailRequests, tail, caller))),
        ],
      ];
    }),
    ...LOG_FILTERS.flatMap((filter): [string, () => Promise<unknown>][] => {
      const { before: _, pageSize: _size, pageToken: _token, ...tailed } = filter;
      const tail = TailLogsRequest.fromPartial({ parent, ...tailed, backlog: 100 });
      return [
        [
          `ListLogs ${JSON.stringify(filter)}`,
          async () =>
            ListLogsResponse.toJSON(
              await client.call(listLogs, ListLogsRequest.fromPartial({ parent, ...filter }), caller),
            ),
        ],
        [
          `TailLogs ${JSON.stringify(filter)}`,
          async () => TailLogsResponse.toJSON(await firstOf(client.callServerStream(tailLogs, tail, caller))),
        ],
      ];
    }),
  ];
}

test("every call of requests and logs is among those that are tried", () => {
  const tried = new Set(asked("mine", "ada").map(([name]) => name.split(" ")[0]));
  const unrouted = ["ListUnroutedRequests", "GetUnroutedRequest", "TailUnroutedRequests"];
  const methods = [RequestServiceService, LogServiceService].flatMap((service) =>
    Object.values(service).map(({ path }) => path.split("/").at(-1)!),
  );
  assert.deepEqual([...tried, ...unrouted].toSorted(), methods.toSorted());
  assert.deepEqual(
    Object.keys(RequestFilter.create()).toSorted(),
    [...new Set(FILTERS.flatMap((filter) => Object.keys(filter)))].toSorted(),
  );
});

test("whoever may view one project finds nothing of another, nor of nobody's, by any call or filter", async () => {
  for (const [name, ask] of asked("mine", "ada")) {
    const answer = JSON.stringify(await ask());
    const isEmpty = name.includes("canaries");
    assert.ok(!/canaries|8000/.test(answer), `${name} answers ${answer}`);
    if (!isEmpty) assert.match(answer, /own|platform/, name);
  }
});

test("whoever may not view a project is told that it does not exist, by every call and filter", async () => {
  for (const [name, ask] of asked("theirs", "ada")) {
    await refused(ask(), "not_found", "project_not_found").catch((cause: unknown) => assert.fail(`${name}: ${cause}`));
  }
  for (const parent of ["projects/", "projects/-", "projects/mine/..", ""]) {
    const { code } = await client.call(listRequests, ListRequestsRequest.fromPartial({ parent })).then(
      () => ({ code: "ok" }),
      (error: { code: string }) => error,
    );
    assert.ok(["invalid_argument", "not_found"].includes(code), `${parent}: ${code}`);
  }
});

test("a page token or resume token of one project opens no other", async () => {
  const page = await client.call(listRequests, ListRequestsRequest.fromPartial({ parent: "projects/theirs" }), {
    token: "eve",
  });
  assert.equal(page.requests.length, 1);
  const tail = TailRequestsRequest.fromPartial({ parent: "projects/theirs", backlog: 10 });
  const { resumeToken } = await firstOf(client.callServerStream(tailRequests, tail, { token: "eve" }));
  const own = TailRequestsRequest.fromPartial({ parent: "projects/mine", resumeToken });
  await refused(firstOf(client.callServerStream(tailRequests, own)), "invalid_argument", "request_invalid");
});

test("what no deployment answered is for operators", async () => {
  const filter = undefined;
  const list = { filter, pageSize: 0, pageToken: "" };
  const tail = { filter, backlog: 10, resumeToken: "" };
  await refused(client.call(listUnroutedRequests, list), "permission_denied", "permission_denied");
  await refused(firstOf(client.callServerStream(tailUnroutedRequests, tail)), "permission_denied", "permission_denied");
  const root = { token: "root" };
  const answer = await client.call(listUnroutedRequests, list, root);
  assert.deepEqual(
    answer.requests.map(({ name, path }) => [name, path]),
    [["unroutedRequests/r1", "/canaries"]],
  );
  assert.deepEqual(
    answer.gaps.map(({ count }) => count),
    [8_000],
  );
  const name = "unroutedRequests/r1";
  await refused(client.call(getUnroutedRequest, { name }), "permission_denied", "permission_denied");
  const report = await client.call(getUnroutedRequest, { name }, root);
  assert.deepEqual([report.request?.name, report.request?.path], [name, "/canaries"]);
  const unknown = client.call(getUnroutedRequest, { name: "unroutedRequests/none" }, root);
  await refused(unknown, "not_found", "request_not_found");
  await refusedFields(client.call(getUnroutedRequest, { name: "projects/theirs/requests/r1" }, root), ["name"]);
  const turn = await firstOf(client.callServerStream(tailUnroutedRequests, tail, root));
  assert.deepEqual(turn.requests.length, 1);
});
