import { join } from "node:path";
import { test } from "node:test";
import { checkSchemaDump, testDatabase } from "@millrace/testing";

const SERVICE = join(import.meta.dirname, "..");

test("schema.sql says what the migrations add up to", async (t) => {
  const database = await testDatabase(t, { schema: "control_plane", migrations: join(SERVICE, "migrations") });
  await checkSchemaDump(database, join(SERVICE, "schema.sql"));
});
