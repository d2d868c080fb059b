import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SUBJECTS } from "@millrace/bus";
import type { EventGap } from "@millrace/proto/control/v1/events";
import { ListLogsRequest, LogServiceService } from "@millrace/proto/control/v1/logs";
import { ListRequestsRequest, RequestServiceService, TailRequestsRequest } from "@millrace/proto/control/v1/requests";
import { LogBatch, RequestBatch, type Tally } from "@millrace/proto/invocation/v1/invocation";
import { until } from "@millrace/testing";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { createProject } from "../testing/calls.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, database } = await startControlPlane({ after });
const { listRequests, tailRequests } = RequestServiceService;

type TallyOf = Partial<Tally> & { project: string };

/** A message of a gateway, with so many events of each project and what it says it told of each. */
async function tell(events: Record<string, number>, tallies: TallyOf[], gateway = "gateway-1"): Promise<number> {
  const told = Object.entries(events).flatMap(([project, count]) =>
    Array.from({ length: count }, () => ({ time: new Date(), project, requestId: "r", status: 200, path: "/" })),
  );
  const bytes = RequestBatch.encode(
    RequestBatch.fromPartial({ events: told, tallies: tallies.map((tally) => ({ series: 7, ...tally })) }),
  ).finish();
  return (await jetstream(bus).publish(SUBJECTS.requests(gateway), bytes)).seq;
}

async function gapsOf(project: string): Promise<EventGap[]> {
  const request = ListRequestsRequest.fromPartial({ parent: `projects/${project}`, pageSize: 1_000 });
  return (await client.call(listRequests, request)).gaps;
}

const storedOf = async (project: string) =>
  (await database.sql`select 1 from requests where project = ${project}`).length;
const countsOf = (gaps: EventGap[]) => gaps.map(({ source, cause, count }) => [source, cause, count]);
const untilGaps = (project: string, count: number) =>
  until(
    async () => {
      const gaps = await gapsOf(project);
      return gaps.length >= count && gaps;
    },
    { timeoutMs: 15_000 },
  );

test("what a gateway says it left out is a gap, once, and of that project only", async () => {
  await createProject(client, "left");
  await createProject(client, "beside");
  await tell({ left: 2, beside: 1 }, [
    { project: "left", told: 2, dropped: 5 },
    { project: "beside", told: 1 },
  ]);
  const [first] = await untilGaps("left", 1);
  assert.deepEqual(countsOf([first!]), [["gateway-1", "source", 5]]);
  assert.ok(first!.startTime! < first!.endTime!);
  await tell({ left: 1 }, [{ project: "left", told: 3, dropped: 5 }]);
  await tell({}, [{ project: "left", told: 3, dropped: 9 }]);
  assert.deepEqual(countsOf(await untilGaps("left", 2)), [
    ["gateway-1", "source", 4],
    ["gateway-1", "source", 5],
  ]);
  assert.deepEqual([await storedOf("left"), await gapsOf("beside")], [3, []]);
});

test("messages that were gone from the stream before they were stored are counted exactly", async () => {
  await createProject(client, "lost");
  await tell({ lost: 1 }, [{ project: "lost", told: 1 }]);
  await until(async () => (await storedOf("lost")) === 1);
  const { streams } = await jetstreamManager(bus);
  // Two messages that nobody can read stand for what the stream's bounds have discarded.
  await jetstream(bus).publish(SUBJECTS.requests("gateway-1"), Buffer.from([0xff]));
  const last = await tell({ lost: 2 }, [{ project: "lost", told: 44 }]);
  assert.equal((await streams.info("requests")).state.last_seq, last);
  assert.deepEqual(countsOf(await untilGaps("lost", 1)), [["gateway-1", "bus", 41]]);
  await tell({ lost: 1 }, [{ project: "lost", told: 45 }]);
  await until(async () => (await storedOf("lost")) === 4);
  assert.deepEqual(countsOf(await gapsOf("lost")), [["gateway-1", "bus", 41]]);
});

test("a series that begins in the middle lacks what was told before; another process of that name has its own", async () => {
  await createProject(client, "begun");
  await tell({ begun: 1 }, [{ project: "begun", series: 9, told: 4, dropped: 1 }]);
  await tell({ begun: 1 }, [{ project: "begun", series: 10, told: 1 }]);
  await tell({ begun: 1 }, [{ project: "begun", series: 9, told: 2 }], "gateway-2");
  const gaps = await untilGaps("begun", 3);
  assert.deepEqual(countsOf(gaps).toSorted(), [
    ["gateway-1", "bus", 3],
    ["gateway-1", "source", 1],
    ["gateway-2", "bus", 1],
  ]);
});

test("a message that comes again is counted once, and one that comes late is not missing", async () => {
  await createProject(client, "again");
  await tell({ again: 3 }, [{ project: "again", told: 3 }]);
  await until(async () => (await storedOf("again")) === 3);
  // The stream is read anew from its beginning.
  await (await jetstreamManager(bus)).consumers.delete("requests", "control-plane");
  await tell({ again: 1 }, [{ project: "again", told: 4 }]);
  await until(async () => (await storedOf("again")) === 4, { timeoutMs: 15_000 });
  const [series] = await database.sql<{ told: string; received: string; lost: string }[]>`
    select told, received, lost from event_series where project = 'again'`;
  assert.deepEqual(series, { told: "4", received: "4", lost: "0" });
  assert.deepEqual(await gapsOf("again"), []);
});

test("lines of functions are counted alike: each line is one, and the end of an invocation too", async () => {
  await createProject(client, "lines");
  const send = (lines: number, tally: Partial<Tally>, isOver = true) => {
    const batch = LogBatch.fromPartial({
      project: "lines",
      functionUid: "fn-1",
      functionId: "pets",
      lines: Array.from({ length: lines }, (_, n) => ({ time: new Date(), level: "info", message: `${n}` })),
      outcome: isOver ? { endTime: new Date(), status: 200 } : undefined,
      tally: { project: "lines", series: 7, ...tally },
    });
    return jetstream(bus).publish(SUBJECTS.log("runner-1", "lines", "fn-1"), LogBatch.encode(batch).finish());
  };
  await send(2, { told: 3 });
  await send(0, { told: 13, dropped: 6 }, false);
  const { entries, gaps } = await until(async () => {
    const request = ListLogsRequest.fromPartial({ parent: "projects/lines" });
    const answer = await client.call(LogServiceService.listLogs, request);
    return answer.gaps.length >= 2 && answer;
  });
  assert.equal(entries.length, 3);
  assert.deepEqual(countsOf(gaps).toSorted(), [
    ["runner-1", "bus", 10],
    ["runner-1", "source", 6],
  ]);
});

test("each page tells of the gaps of its time, so that all pages together tell of each once", async () => {
  await createProject(client, "paged");
  for (let n = 1; n <= 5; n++) {
    await tell({ paged: 1 }, [{ project: "paged", told: n, dropped: n }]);
    await untilGaps("paged", n);
  }
  const gaps: EventGap[] = [];
  let pageToken = "";
  let pages = 0;
  do {
    const request = { parent: "projects/paged", pageSize: 2, pageToken };
    const page = await client.call(listRequests, ListRequestsRequest.fromPartial(request));
    gaps.push(...page.gaps);
    pageToken = page.nextPageToken;
    pages++;
  } while (pageToken !== "");
  assert.deepEqual([pages, countsOf(gaps)], [3, Array.from({ length: 5 }, () => ["gateway-1", "source", 1])]);
});

test("a tail tells of a gap when it becomes known, once, also after it was resumed", async () => {
  await createProject(client, "tailed");
  await tell({ tailed: 1 }, [{ project: "tailed", told: 1, dropped: 1 }]);
  await untilGaps("tailed", 1);
  const seen: unknown[] = [];
  const follow = async (resumeToken: string) => {
    const request = TailRequestsRequest.fromPartial({ parent: "projects/tailed", resumeToken });
    for await (const turn of client.callServerStream(tailRequests, request)) {
      seen.push(...turn.gaps.map(({ count }) => count));
      if (turn.gaps.length > 0) return turn.resumeToken;
      if (resumeToken === "" && seen.length === 0) {
        await tell({}, [{ project: "tailed", told: 1, dropped: 3 }]);
      }
    }
    return "";
  };
  const resumeToken = await follow("");
  await tell({}, [{ project: "tailed", told: 1, dropped: 7 }]);
  await follow(resumeToken);
  assert.deepEqual(seen, [2, 4]);
});
