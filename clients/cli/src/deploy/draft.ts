import { type FunctionMessage, type FunctionVersion, HandlerShape } from "@millrace/proto/control/v1/functions";
import { egressText } from "../egress.ts";

/** Whether publishing the draft would make another version than this one. */
export function isNewer(draft: FunctionMessage, version: FunctionVersion): boolean {
  return draft.code?.digest !== version.code?.digest || settingsText(draft) !== settingsText(version);
}

/** Equal for settings that mean the same; a version says what its code's shape makes of an unset concurrency. */
function settingsText({ config, code }: Pick<FunctionMessage, "config" | "code">): string {
  if (!config) return "";
  const { environment, secrets, egress, ...settings } = config;
  const concurrency = config.concurrency || (code?.shape === HandlerShape.FETCH ? 16 : 1);
  const own = JSON.stringify({ ...settings, concurrency, egress: egressText(egress) });
  return [own, sortedText(environment), Object.keys(secrets).sort().join()].join();
}

export function sortedText(map: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
