#!/usr/bin/env node
import { runInProject } from "./bootstrap.mjs";

runInProject(["infra/local/src/main.ts", ...process.argv.slice(2)]);
