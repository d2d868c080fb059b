import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SUBJECTS } from "@millrace/bus";
import { ListLogsRequest, LogServiceService } from "@millrace/proto/control/v1/logs";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { LogBatch } from "@millrace/proto/invocation/v1/invocation";
import { until } from "@millrace/testing";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { PartitionStore } from "../events/partition-store.ts";
import { LIMITS } from "../limits.ts";
import { createProject } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, clock, app, database } = await startControlPlane({ after });
const second = (n: number) => new Date(Date.now() + n * 1_000);

async function print(
  project: string,
  lines: string[],
  batch: Partial<LogBatch> & { at?: Date; level?: string; runner?: string } = {},
): Promise<void> {
  const { at = new Date(), functionUid = "fn-1", functionId = "pets", version = 1, requestId = "r1", outcome } = batch;
  const { level = "info", runner = "runner-1", tally } = batch;
  const message = LogBatch.encode({
    project,
    functionUid,
    functionId,
    version,
    requestId,
    outcome,
    lines: lines.map((text) => ({ time: at, level, message: text })),
    tally,
  }).finish();
  await jetstream(bus).publish(SUBJECTS.log(runner, project, functionUid), message);
}

function list(project: string, filter: Partial<ListLogsRequest> = {}, token = "ada") {
  const request = ListLogsRequest.fromPartial({ parent: `projects/${project}`, ...filter });
  return client.call(LogServiceService.listLogs, request, { token });
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

test("each member of a filter narrows the list, and all of them must hold", async () => {
  await createProject(client, "narrow");
  await print("narrow", ["old"], { at: second(10), level: "error" });
  await print("narrow", ["other"], { at: second(20), functionUid: "fn-2", functionId: "cats", requestId: "r9" });
  await print("narrow", ["new"], { at: second(30), level: "warn", version: 2, runner: "runner-2" });
  await untilLines("narrow", 3);
  assert.deepEqual(messagesOf(await list("narrow", { function: "cats" })), ["other"]);
  assert.deepEqual(messagesOf(await list("narrow", { requestId: "r1" })), ["new", "old"]);
  assert.deepEqual(messagesOf(await list("narrow", { after: second(15) })), ["new", "other"]);
  assert.deepEqual(messagesOf(await list("narrow", { after: second(15), before: second(25) })), ["other"]);
  assert.deepEqual(messagesOf(await list("narrow", { levels: ["warn", "error"] })), ["new", "old"]);
  assert.deepEqual(messagesOf(await list("narrow", { version: 2 })), ["new"]);
  assert.deepEqual(messagesOf(await list("narrow", { runner: "runner-1" })), ["other", "old"]);
  assert.deepEqual(messagesOf(await list("narrow", { text: "OTH" })), ["other"]);
  assert.deepEqual(messagesOf(await list("narrow", { text: "%" })), []);
  await print("narrow", [`${"x".repeat(LIMITS.searchedCharsMax - 1)}end`], { at: second(5) });
  await untilLines("narrow", 4);
  assert.equal((await list("narrow", { text: "XE" })).entries.length, 1);
  assert.equal((await list("narrow", { text: "xen" })).entries.length, 0, "beyond what is searched of a message");
  assert.deepEqual(messagesOf(await list("narrow", { levels: ["error"], text: "new" })), []);
  await refusedFields(list("narrow", { levels: ["fatal"] }), ["levels"]);
  await refusedFields(list("narrow", { version: -1 }), ["version"]);
  await refusedFields(list("narrow", { runner: "a b" }), ["runner"]);
  await refusedFields(list("narrow", { text: "x".repeat(257) }), ["text"]);
});

test("a text that few lines hold is looked for page by page, some lines for each, and none is missed", async () => {
  await createProject(client, "search");
  const { scannedMax } = LIMITS;
  await database.sql`
    insert into log_lines
    select now() - n * interval '1 ms', now(), n, 0, 'runner-1', 'search', 'fn', 'fn', 1, 'r', 'info',
      case when n % ${scannedMax - 1} = 0 then 'needle ' || n else 'hay' end
    from generate_series(1, ${2 * scannedMax + 10}) n`;
  await database.sql`update projects set created_at = now() - interval '1 hour' where id = 'search'`;
  const pages: string[][] = [];
  let pageToken = "";
  do {
    const page = await list("search", { text: "NEEDLE", pageToken, pageSize: 1 });
    pages.push(messagesOf(page));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(pages.flat(), [`needle ${scannedMax - 1}`, `needle ${2 * (scannedMax - 1)}`]);
  assert.ok(pages.length <= 4, `${pages.length} pages`);
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
    Buffer.from(JSON.stringify(['logs {"project":"pages"}', ...after])).toString("base64url");
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

test("days that are over their time are dropped at their edges, whatever they hold, and the rest stays", async () => {
  await createProject(client, "aging");
  const dayMs = 86_400_000;
  const today = Math.floor(clock.now.getTime() / dayMs) * dayMs;
  const edge = today - LIMITS.eventRetentionDays * dayMs;
  const instants = [edge - dayMs, edge - 1, edge, edge + 1, today - 1, today, clock.now.getTime()].map(
    (ms) => new Date(ms),
  );
  const partitions = new PartitionStore(database.sql);
  for (const table of ["requests", "invocations", "log_lines", "event_gaps"] as const) {
    await partitions.provide(table, instants);
  }
  const [line, place] = ["log_lines", "requests"];
  for (const [n, at] of instants.entries()) {
    await database.sql`
      insert into ${database.sql(line)} values (${at}, now(), ${n}, 0, 'r', 'aging', 'f', 'f', 1, 'r', 'info', 'line')`;
    await database.sql`
      insert into ${database.sql(place)}
      values (${at}, now(), ${n}, 0, 'g', 'aging', 'r', '', '', '', 200, '', '/', '{}')`;
    await database.sql`
      insert into invocations
      values (${at}, now(), ${n}, 'r', 'aging', 'f', 'f', 1, 'r', 200, '', 1, 1, null, false, null, false, 0, 0)`;
    await database.sql`
      insert into event_gaps (at, since, stream, project, source, cause, count)
      values (${at}, ${at}, 'logs', 'aging', 'r', 'bus', 1)`;
  }
  for (const at of [new Date(edge - dayMs), clock.now]) {
    await database.sql`
      insert into event_series values ('logs', 'r', 'aging', ${at.getTime()}, 1, 0, 1, 0, now(), 1, ${at}, ${at})`;
  }
  await app.turnPartitions();
  const series = await database.sql<
    { toldAt: Date }[]
  >`select told_at from event_series where project = 'aging' and source = 'r'`;
  assert.deepEqual(
    series.map(({ toldAt }) => toldAt),
    [clock.now],
  );
  for (const table of ["requests", "invocations", "log_lines", "event_gaps"]) {
    const rows = await database.sql<{ at: Date }[]>`
      select at from ${database.sql(table)} where project = 'aging' order by at`;
    assert.deepEqual(
      rows.map(({ at }) => at.getTime()),
      instants.slice(2).map((at) => at.getTime()),
      table,
    );
  }
  clock.now = new Date(today + (LIMITS.eventRetentionDays + 1) * dayMs);
  await app.turnPartitions();
  const left = await database.sql`select 1 from log_lines where project = 'aging'`;
  assert.equal(left.length, 0);
  const [{ tables }] = await database.sql<[{ tables: number }]>`
    select count(*)::int as tables from pg_inherits where inhparent = 'log_lines'::regclass`;
  assert.equal(tables, 3, "tomorrow of then, which is just within its time, that day, and the next one");
});
