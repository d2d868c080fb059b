#!/usr/bin/env node
// `node infra/local/bin/run.mjs <command or file.ts> …` runs it on the project's own Node with everything installed.
import { runInProject } from "../bootstrap/run-in-project.mjs";

if (process.argv.length < 3) {
  console.error("usage: node infra/local/bin/run.mjs <command or file.ts> [arguments]");
  process.exit(2);
}
await runInProject(process.argv.slice(2));
