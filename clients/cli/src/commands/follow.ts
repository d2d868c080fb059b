import { setTimeout as delay } from "node:timers/promises";
import type { Context } from "../context.ts";
import { TAIL_RESUME_MS } from "../limits.ts";
import { printableLines } from "../output/table.ts";

interface Turn {
  resumeToken: string;
}

/** Shows what a tail tells, for ever: the server ends each after a while, and the next goes on where it ended. */
export async function follow<Response extends Turn, Item>(
  { terminal, json }: Context,
  open: (resumeToken: string) => AsyncIterable<Response>,
  { itemsOf, toJson, toText }: TailView<Response, Item>,
): Promise<never> {
  let resumeToken = "";
  for (;;) {
    for await (const turn of open(resumeToken)) {
      ({ resumeToken } = turn);
      for (const item of itemsOf(turn)) {
        terminal.stdout.write(`${json ? JSON.stringify(toJson(item)) : printableLines(toText(item))}\n`);
      }
    }
    await delay(TAIL_RESUME_MS);
  }
}

export interface TailView<Response, Item> {
  itemsOf(turn: Response): readonly Item[];
  toJson(item: Item): unknown;
  toText(item: Item): string;
}
