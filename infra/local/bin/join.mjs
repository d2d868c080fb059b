#!/usr/bin/env node
// `node infra/local/bin/join.mjs north.json`: what `millrace runner join` does, from a fresh clone with nothing installed.
import { resolve } from "node:path";
import { runInProject } from "../bootstrap/run-in-project.mjs";

const [bundle = "--help", ...options] = process.argv.slice(2);
const isFile = !bundle.startsWith("-");
await runInProject(["clients/cli/src/main.ts", "runner", "join", isFile ? resolve(bundle) : bundle, ...options]);
