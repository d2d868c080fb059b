import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { readDesired } from "./desired.ts";
import { readManifest } from "./manifest.ts";

const EXAMPLES = fileURLToPath(new URL("../../../../examples", import.meta.url));
const deployable = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && readdirSync(join(EXAMPLES, entry.name)).includes("millrace.yaml"))
  .map(({ name }) => name);

interface Operation {
  operationId?: string;
  "x-millrace-backend"?: { function: string };
}

test("there are examples to deploy", () => {
  assert.deepEqual(deployable.toSorted(), ["hello", "hono-app", "lambda-express", "petstore"]);
});

for (const name of deployable) {
  test(`example ${name} can be packed, and a function of its own answers each of its operations`, async () => {
    const { functions, groups } = await readDesired(readManifest(join(EXAMPLES, name, "millrace.yaml")), "projects/x");
    assert.ok(functions.every(({ upload }) => upload.bytes.length < 2 * 1024 * 1024));
    for (const { document, releases } of groups) {
      const { paths } = parse(document) as { paths: Record<string, Record<string, Operation>> };
      for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
        const [release] = releases;
        const fallback = release?.backend?.kind === "function" ? release.backend.function : undefined;
        const answers = operation["x-millrace-backend"]?.function ?? fallback;
        assert.ok(operation.operationId && functions.some(({ id }) => id === answers), JSON.stringify(operation));
      }
    }
  });
}
