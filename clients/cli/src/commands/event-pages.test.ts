import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "@millrace/errors";
import { EventGap } from "@millrace/proto/control/v1/events";
import type { Context } from "../context.ts";
import { SEARCH_PAGES_MAX } from "../limits.ts";
import { findEvents, gapsAnswer, refuseUnknown } from "./event-pages.ts";

const gap = (count: number) =>
  EventGap.create({
    startTime: new Date("2026-11-22T12:00:00Z"),
    endTime: new Date("2026-11-22T12:00:05Z"),
    source: "gateway-1",
    cause: "source",
    count,
  });

/** Answers these pages, and tells what was asked. */
function server(pages: number[][]) {
  const asked: string[] = [];
  const ask = async ({ pageSize, pageToken }: { pageSize: number; pageToken: string }) => {
    asked.push(`${pageSize} ${pageToken}`);
    const at = Number(pageToken || 0);
    const isLast = at === pages.length - 1;
    return { items: pages[at]!, gaps: [gap(at + 1)], nextPageToken: isLast ? "" : String(at + 1) };
  };
  return { asked, ask };
}

test("pages that hold little are followed until enough is found, oldest first, with all gaps on the way", async () => {
  const { asked, ask } = server([[9], [], [8, 7], [6]]);
  const found = await findEvents(3, ask);
  assert.deepEqual(
    [found.items, asked],
    [
      [7, 8, 9],
      ["3 ", "2 1", "2 2"],
    ],
  );
  assert.deepEqual(
    found.gaps.map(({ count }) => count),
    [3, 2, 1],
  );
  assert.equal(found.isPartial, false);
});

test("what is looked through is bounded, and it is said that there is more", async () => {
  const { asked, ask } = server(Array.from({ length: SEARCH_PAGES_MAX + 5 }, () => []));
  const found = await findEvents(10, ask);
  assert.deepEqual([asked.length, found.isPartial], [SEARCH_PAGES_MAX, true]);
  const { json, lines } = gapsAnswer("requests", found);
  assert.equal(json.gaps?.length, SEARCH_PAGES_MAX);
  assert.match(lines.at(-1)!, /older ones were not looked through/);
});

test("a gap is a line that says how many of whose, when and why", async () => {
  const { lines } = gapsAnswer("requests", { items: [], gaps: [gap(312)], isPartial: false });
  assert.deepEqual(lines, [
    "-- 312 requests of gateway-1 are missing, from 2026-11-22T12:00:00.000Z to 2026-11-22T12:00:05.000Z: they were more than it may tell",
  ]);
  assert.deepEqual(gapsAnswer("requests", { items: [], gaps: [], isPartial: false }), { json: {}, lines: [] });
});

test("nothing of a function that is not there is a mistake, and of one that is there an answer", async () => {
  const asked: string[] = [];
  const call = async (_: unknown, { name }: { name: string }) => {
    asked.push(name);
    if (name.endsWith("/nope")) throw new PlatformError("not_found", "", { reason: "function_not_found" });
  };
  const context = { project: "projects/shop", call } as unknown as Context;
  const nothing = { items: [], gaps: [], isPartial: false };
  await assert.rejects(refuseUnknown(context, "nope", nothing), { reason: "function_not_found" });
  await refuseUnknown(context, "pets", nothing);
  await refuseUnknown(context, "nope", { ...nothing, items: [1] });
  await refuseUnknown(context, "", nothing);
  assert.deepEqual(asked, ["projects/shop/functions/nope", "projects/shop/functions/pets"]);
});
