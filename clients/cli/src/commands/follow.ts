import { setTimeout as delay } from "node:timers/promises";
import { EventGap } from "@millrace/proto/control/v1/events";
import type { Context } from "../context.ts";
import { TAIL_RESUME_MS } from "../limits.ts";
import { printableLines } from "../output/table.ts";
import { gapText } from "./event-pages.ts";

interface Turn {
  resumeToken: string;
  gaps: EventGap[];
}

/** Shows what a tail tells, for ever: the server ends each after a while, and the next goes on where it ended. */
export async function follow<Response extends Turn, Item>(
  { terminal, json }: Context,
  open: (resumeToken: string) => AsyncIterable<Response>,
  { plural, itemsOf, toJson, toText }: TailView<Response, Item>,
): Promise<never> {
  let resumeToken = "";
  for (;;) {
    for await (const turn of open(resumeToken)) {
      ({ resumeToken } = turn);
      const items = itemsOf(turn).map((item) => (json ? JSON.stringify(toJson(item)) : printableLines(toText(item))));
      const gaps = turn.gaps.map((gap) =>
        json ? JSON.stringify({ gap: EventGap.toJSON(gap) }) : printableLines(gapText(plural, gap)),
      );
      for (const line of [...items, ...gaps]) terminal.stdout.write(`${line}\n`);
    }
    await delay(TAIL_RESUME_MS);
  }
}

export interface TailView<Response, Item> {
  plural: string;
  itemsOf(turn: Response): readonly Item[];
  toJson(item: Item): unknown;
  toText(item: Item): string;
}
