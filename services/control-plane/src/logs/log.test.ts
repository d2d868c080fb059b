import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SUBJECTS } from "@millrace/bus";
import { type ListLogsRequest, LogServiceService } from "@millrace/proto/control/v1/logs";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { LogBatch } from "@millrace/proto/invocation/v1/invocation";
import { until } from "@millrace/testing";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { createProject } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, clock, app, database } = await startControlPlane({ after });
const second = (n: number) => new Date(Date.now() + n * 1_000);

async function print(project: string, lines: string[], batch: Partial<LogBatch> & { at?: Date } = {}): Promise<void> {
  const { at = new Date(), functionUid = "fn-1", functionId = "pets", version = 1, requestId = "r1", outcome } = batch;
  const message = LogBatch.encode({
    project,
    functionUid,
    functionId,
    version,
    requestId,
    outcome,
    lines: lines.map((text) => ({ time: at, level: "info", message: text })),
  }).finish();
  await jetstream(bus).publish(SUBJECTS.log("runner-1", project, functionUid), message);
}

function list(project: string, filter: Partial<ListLogsRequest> = {}, token = "ada") {
  const request = { parent: `projects/${project}`, function: "", requestId: "", pageSize: 0, pageToken: "", ...filter };
  return client.call(LogServiceService.listLogs, { after: undefined, before: undefined, ...request }, { token });
}

const messagesOf = ({ entries }: { entries: { message: string }[] }) => entries.map(({ message }) => message);
const untilLines = (project: string, count: number) =>
  until(async () => {
    const answer = await list(project);
    return answer.entries.length >= count && answer;
  });

test("lines are listed newest first, with what belongs to them", async () => {
  await createProject(client, "shop");
  await print("shop", ["one", "two"], { at: second(1) });
  await print("shop", ["three\0"], { at: second(2), version: 4, requestId: "r2" });
  const answer = await untilLines("shop", 3);
  assert.deepEqual(messagesOf(answer), ["three\u2400", "two", "one"]);
  const { time, ...newest } = answer.entries[0]!;
  assert.deepEqual(newest, {
    function: "pets",
    version: 4,
    requestId: "r2",
    level: "info",
    message: "three\u2400",
    runner: "runner-1",
  });
  assert.ok(time);
});

test("function, request and time narrow the list", async () => {
  await createProject(client, "narrow");
  await print("narrow", ["old"], { at: second(10) });
  await print("narrow", ["other"], { at: second(20), functionUid: "fn-2", functionId: "cats", requestId: "r9" });
  await print("narrow", ["new"], { at: second(30) });
  await untilLines("narrow", 3);
  assert.deepEqual(messagesOf(await list("narrow", { function: "cats" })), ["other"]);
  assert.deepEqual(messagesOf(await list("narrow", { requestId: "r1" })), ["new", "old"]);
  assert.deepEqual(messagesOf(await list("narrow", { after: second(15) })), ["new", "other"]);
  assert.deepEqual(messagesOf(await list("narrow", { after: second(15), before: second(25) })), ["other"]);
});

test("pages go on exactly where the last one ended, also among lines of the same instant", async () => {
  await createProject(client, "pages");
  const lines = Array.from({ length: 7 }, (_, i) => `line ${i}`);
  await print("pages", lines, { at: second(5) });
  await untilLines("pages", 7);
  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = await list("pages", { pageSize: 3, pageToken });
    seen.push(...messagesOf(page));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(seen, lines.toReversed());
  await refusedFields(list("pages", { pageSize: 1_001 }), ["page_size"]);
  await refusedFields(list("pages", { pageToken: "x" }), ["page_token"]);
  const token = (...after: string[]) =>
    Buffer.from(JSON.stringify(["logs projects/pages  ", ...after])).toString("base64url");
  await refusedFields(list("pages", { pageToken: token("1", "1", "2147483648") }), ["page_token"]);
  await refusedFields(list("pages", { requestId: "a b" }), ["request_id"]);
  await refusedFields(list("pages", { after: new Date(8.64e15) }), ["after"]);
  await refusedFields(list("pages", { before: new Date(-8.64e15) }), ["before"]);
  await refusedFields(list("pages", { function: "1x" }), ["function"]);
});

test("a message that is delivered twice is stored once", async () => {
  await createProject(client, "twice");
  await print("twice", ["once"]);
  await untilLines("twice", 1);
  const manager = await jetstreamManager(bus);
  await manager.consumers.delete("logs", "control-plane");
  await print("twice", ["marker"]);
  await until(async () => messagesOf(await list("twice")).includes("marker"), { timeoutMs: 15_000 });
  assert.deepEqual(messagesOf(await list("twice")).toSorted(), ["marker", "once"]);
});

test("a message that cannot be read is passed over", async () => {
  await createProject(client, "broken");
  await jetstream(bus).publish(SUBJECTS.log("runner-1", "broken", "fn-1"), Buffer.from([0xff, 0xff, 0xff]));
  await print("broken", ["after"]);
  assert.deepEqual(messagesOf(await untilLines("broken", 1)), ["after"]);
});

test("a project sees no line of another, nor of one of its name that is gone", async () => {
  await createProject(client, "gone");
  await print("gone", ["secret of the first"]);
  await untilLines("gone", 1);
  await refused(list("gone", {}, "eve"), "not_found", "project_not_found");
  await client.call(ProjectServiceService.deleteProject, { name: "projects/gone", etag: "" });
  await createProject(client, "gone");
  await print("gone", ["of the second"], { at: second(1) });
  await until(async () => (await list("gone")).entries.length > 0);
  assert.deepEqual(messagesOf(await list("gone")), ["of the second"]);
});

test("a line cannot be of a day far off, whatever its teller says", async () => {
  await createProject(client, "honest");
  await print("honest", ["from the future"], { at: second(1e9) });
  const { entries } = await untilLines("honest", 1);
  assert.ok(entries[0]!.time!.getTime() < second(120).getTime());
});

test("days that are over their time are dropped, and today's is not", async () => {
  await createProject(client, "aging");
  await print("aging", ["line"]);
  await untilLines("aging", 1);
  const count = async () => (await database.sql`select 1 from log_lines where project = 'aging'`).length;
  await app.turnPartitions();
  assert.equal(await count(), 1);
  clock.now = new Date(clock.now.getTime() + 8 * 86_400_000 + 60_000);
  await app.turnPartitions();
  assert.equal(await count(), 0);
  const [{ tables }] = await database.sql<[{ tables: number }]>`
    select count(*)::int as tables from pg_inherits where inhparent = 'log_lines'::regclass`;
  assert.equal(tables, 3, "the day after the first, which is just within its time, that day, and the next one");
});
