/** What `npm test` has found and started for the whole suite; handed to each test file by a file that the environment names. */
import { readFileSync } from "node:fs";
import type { Bubblewrap, EngineProgram } from "@millrace/local/engines";

export const TEST_ENGINES_VARIABLE = "MILLRACE_TEST_ENGINES";

export type TestEngines = {
  /** A superuser's URL of the suite's PostgreSQL; each test makes a database of its own. */
  readonly postgresUrl: string;
  /** NATS and Redis start in milliseconds, so each test that needs one starts its own. */
  readonly programs: { readonly nats: EngineProgram; readonly redis: EngineProgram };
  /** What sandboxes are walled in with, where the machine has it or it could be fetched. */
  readonly bubblewrap?: Bubblewrap;
};

export function testEngines(): TestEngines {
  const file = process.env[TEST_ENGINES_VARIABLE];
  if (file === undefined) {
    throw new Error("This test needs engines. Run it with: npm test -- <path of the test file>");
  }
  return JSON.parse(readFileSync(file, "utf8")) as TestEngines;
}

/** A test's context, or node:test itself for what a whole file shares. */
export type Owner = { after(release: () => Promise<void>): unknown };
