import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Page } from "./page.ts";

// What a run leaves behind, all of it committed.

export const RESULTS_FILE = new URL("../../results.json", import.meta.url);
const PAGE_FILE = new URL("../../../../docs/reference/performance.md", import.meta.url);
const CHARTS_FOLDER = new URL("../../../../docs/reference/charts/", import.meta.url);

export function writePage({ markdown, charts }: Page): void {
  mkdirSync(new URL(".", PAGE_FILE), { recursive: true });
  writeFileSync(PAGE_FILE, markdown);
  rmSync(CHARTS_FOLDER, { recursive: true, force: true });
  if (charts.length > 0) mkdirSync(CHARTS_FOLDER, { recursive: true });
  for (const { file, svg } of charts) writeFileSync(new URL(file, CHARTS_FOLDER), svg);
}

/** The page as it is there, each chart by its file. */
export function readPage(): { markdown: string; charts: Record<string, string> } {
  const files = existsSync(CHARTS_FOLDER) ? readdirSync(CHARTS_FOLDER) : [];
  const charts = files.map((file) => [file, readFileSync(new URL(file, CHARTS_FOLDER), "utf8")] as const);
  return { markdown: readFileSync(PAGE_FILE, "utf8"), charts: Object.fromEntries(charts) };
}
