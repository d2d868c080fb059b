import { readFileSync } from "node:fs";
import type { Registry } from "./command-line.ts";
import { registerDeploy } from "./commands/deploy.ts";

export { runCommandLine } from "./command-line.ts";
export type { Terminal } from "./terminal.ts";

export const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Every command, in the order of the help. */
export function registerCommands(registry: Registry): void {
  registerDeploy(registry);
}
