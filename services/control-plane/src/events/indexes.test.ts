import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Queryable } from "@millrace/sql";
import { testDatabase } from "@millrace/testing";
import { linesBeyond, listLines } from "../logs/log-store.ts";
import { planOf } from "../testing/plan.ts";
import { newestCursor } from "./event-store.ts";
import { gapsBeyond, listGaps, newestGap } from "./gap-store.ts";
import { listInvocations } from "./invocation-store.ts";
import { PartitionStore } from "./partition-store.ts";
import { listRequests, requestsBeyond } from "./request-store.ts";

const MIGRATIONS = new URL("../../migrations", import.meta.url).pathname;
const { sql } = await testDatabase({ after }, { schema: "control_plane", migrations: MIGRATIONS });
await new PartitionStore(sql).turn(new Date());

const page = { position: { atMicros: 1, sequence: 1, place: 1 }, limit: 100 };
const tail = { cursor: { streamMadeAtMicros: 1, sequence: 1, place: 1 }, since: new Date(), limit: 100 };
const scope = { stream: "requests", project: "shop" };
const lines = { project: "shop", function: undefined, requestId: undefined, after: undefined, before: undefined };
const STATEMENTS: [string, (sql: Queryable) => Promise<unknown>, RegExp][] = [
  ["requests", (tx) => listRequests(tx, { project: "shop" }, page), /requests_\d+_project_at_/],
  [
    "of a function",
    (tx) => listRequests(tx, { project: "shop", function: "f" }, page),
    /requests_\d+_project_function_id_at_/,
  ],
  ["of an API", (tx) => listRequests(tx, { project: "shop", api: "a" }, page), /requests_\d+_project_api_at_/],
  ["of a key", (tx) => listRequests(tx, { project: "shop", keyId: "k" }, page), /requests_\d+_project_key_id_at_/],
  [
    "with a reason",
    (tx) => listRequests(tx, { project: "shop", reason: "r" }, page),
    /requests_\d+_project_reason_at_/,
  ],
  ["with a status", (tx) => listRequests(tx, { project: "shop", status: 404 }, page), /requests_\d+_project_expr_at_/],
  ["with a class", (tx) => listRequests(tx, { project: "shop", status: 4 }, page), /requests_\d+_project_expr_at_/],
  ["one", (tx) => listRequests(tx, { project: "shop", requestId: "r" }, page), /requests_\d+_project_request_id_at_/],
  ["tailed", (tx) => requestsBeyond(tx, { project: "shop" }, tail), /requests_\d+_project_stream_made_at_/],
  [
    "newest",
    (tx) => newestCursor(tx, "requests", { project: "shop", since: new Date() }),
    /requests_\d+_project_stream_/,
  ],
  [
    "looked through for what no index finds",
    (tx) => listRequests(tx, { project: "shop", function: "f", text: "t", cold: true }, page),
    /requests_\d+_project_function_id_at_/,
  ],
  ["of no deployment", (tx) => listRequests(tx, { project: "" }, page), /requests_\d+_project_at_/],
  [
    "calls",
    (tx) => listInvocations(tx, { project: "shop", requestId: "r", limit: 9 }),
    /invocations_\d+_project_request_id_at_/,
  ],
  ["lines", (tx) => listLines(tx, lines, page), /log_lines_\d+_project_at_/],
  [
    "lines of a function",
    (tx) => listLines(tx, { ...lines, function: "f" }, page),
    /log_lines_\d+_project_function_id_at_/,
  ],
  [
    "lines of a request",
    (tx) => listLines(tx, { ...lines, requestId: "r" }, page),
    /log_lines_\d+_project_request_id_at_/,
  ],
  [
    "lines looked through for a text",
    (tx) => listLines(tx, { ...lines, text: "t", levels: ["warn"] }, page),
    /log_lines_\d+_project_at_/,
  ],
  ["gaps", (tx) => listGaps(tx, scope, { after: new Date(0), before: undefined }), /event_gaps_\d+_stream_project_at_/],
  ["gaps tailed", (tx) => gapsBeyond(tx, scope, { id: 1, since: new Date() }), /event_gaps_\d+_stream_project_id_/],
  ["the newest gap", (tx) => newestGap(tx, scope, new Date()), /event_gaps_\d+_stream_project_id_/],
  ["lines tailed", (tx) => linesBeyond(tx, lines, tail), /log_lines_\d+_project_stream_made_at_/],
];

for (const [name, ask, index] of STATEMENTS) {
  test(`${name}: found, and put into order, by an index`, async () => {
    const plan = await planOf(sql, ask);
    assert.match(plan, index);
    assert.doesNotMatch(plan, /Seq Scan on (requests|log_lines|invocations|event_gaps)|Sort {2}\(/, plan);
  });
}
