#!/usr/bin/env node
import { runInProject } from "../bootstrap/run-in-project.mjs";

await runInProject(["infra/local/src/main.ts", ...process.argv.slice(2)]);
