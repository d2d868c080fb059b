#!/usr/bin/env node
// `node infra/local/bin/join.mjs north.json`: what `millrace runner join` does, from a fresh clone with nothing installed; `join.mjs gateway
// east.json` does what `millrace gateway join` does.
import { resolve } from "node:path";
import { runInProject } from "../bootstrap/run-in-project.mjs";

const given = process.argv.slice(2);
const noun = given[0] === "gateway" || given[0] === "runner" ? given.shift() : "runner";
const [bundle = "--help", ...options] = given;
const isFile = !bundle.startsWith("-");
await runInProject([
  "clients/cli/src/main.ts",
  noun ?? "runner",
  "join",
  isFile ? resolve(bundle) : bundle,
  ...options,
]);
