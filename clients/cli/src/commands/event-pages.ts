import { EventGap } from "@millrace/proto/control/v1/events";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import type { Context } from "../context.ts";
import { SEARCH_PAGES_MAX } from "../limits.ts";

// What the lists of requests and of log lines share.

interface Page<Item> {
  items: Item[];
  gaps: EventGap[];
  nextPageToken: string;
}

interface Found<Item> {
  /** Oldest first, as a log is read. */
  items: Item[];
  gaps: EventGap[];
  /** Older ones were not looked through. */
  isPartial: boolean;
}

/** Asks for pages until `limit` items are found: where few match, the server looks through a bounded number of events for each page. */
export async function findEvents<Item>(
  limit: number,
  ask: (page: { pageSize: number; pageToken: string }) => Promise<Page<Item>>,
): Promise<Found<Item>> {
  const items: Item[] = [];
  const gaps: EventGap[] = [];
  let pageToken = "";
  for (let pages = 0; pages < SEARCH_PAGES_MAX; pages++) {
    const page = await ask({ pageSize: limit - items.length, pageToken });
    items.push(...page.items);
    gaps.push(...page.gaps);
    pageToken = page.nextPageToken;
    if (pageToken === "" || items.length >= limit) break;
  }
  return { items: items.reverse(), gaps: gaps.reverse(), isPartial: pageToken !== "" && items.length < limit };
}

/** Throws `not_found` when nothing was found of a function that is not there: a wrong name would look as if nothing had happened. */
export async function refuseUnknown({ call, project }: Context, functionId: string, { items }: Found<unknown>) {
  if (items.length > 0 || functionId === "") return;
  await call(FunctionServiceService.getFunction, { name: `${project}/functions/${functionId}` });
}

/** Says what is missing, as a line among the others. */
export function gapText(plural: string, { startTime, endTime, source, cause, count }: EventGap): string {
  const why = cause === "bus" ? "were gone from the bus before they were stored" : "were more than it may tell";
  return `-- ${count} ${plural} of ${source} are missing, from ${iso(startTime)} to ${iso(endTime)}: they ${why}`;
}

/** The rest of an answer: in JSON, and as lines for people. */
export function gapsAnswer<Item>(plural: string, { gaps, isPartial }: Found<Item>) {
  const partial = isPartial
    ? ["-- older ones were not looked through: narrow it by --since, --until or a function"]
    : [];
  return {
    json: gaps.length > 0 ? { gaps: gaps.map((gap) => EventGap.toJSON(gap)) } : {},
    lines: [...gaps.map((gap) => gapText(plural, gap)), ...partial],
  };
}

function iso(time: Date | undefined): string {
  return time?.toISOString() ?? "";
}
