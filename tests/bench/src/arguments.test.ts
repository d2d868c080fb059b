import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments } from "./arguments.ts";
import { SCENARIOS } from "./scenarios/mod.ts";

const namesFor = (...args: string[]) => parseArguments(args, SCENARIOS).scenarios.map(({ name }) => name);

test("without names everything is measured but the soak", () => {
  const all = SCENARIOS.map(({ name }) => name);
  assert.deepEqual(
    namesFor(),
    all.filter((name) => name !== "soak"),
  );
});

test("the short form without names is the rows and the overload", () => {
  assert.deepEqual(namesFor("--short"), ["rows", "overload"]);
});

test("named scenarios are measured and no others, in short form too", () => {
  assert.deepEqual(namesFor("soak"), ["soak"]);
  assert.deepEqual(namesFor("plan", "--short", "mixed"), ["mixed", "plan"]);
});

test("an unknown name or flag is refused with what there is", () => {
  assert.throws(() => namesFor("speed"), /unknown: speed\nusage: npm run bench[\s\S]*overload/);
  assert.throws(() => namesFor("--fast"), /unknown: --fast/);
});
