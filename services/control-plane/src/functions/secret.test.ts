import assert from "node:assert/strict";
import { after, test } from "node:test";
import { KEYS, unpackRecord } from "@millrace/bus";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { until } from "@millrace/testing";
import { configWith, createFunction, createProject, upload } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startTestBuilder } from "../testing/test-builder.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, bucket, openSecret, database } = await startControlPlane({ after });
startTestBuilder(bus);
await createProject(client, "shop");
const functions = await bucket("functions");
const service = FunctionServiceService;
const { name } = await createFunction(client, "shop", "pets", {
  secrets: { TOKEN: "canary-old", OTHER: "canary-kept" },
});
const [{ uid }] = await database.sql<[{ uid: string }]>`select uid from functions`;
const rotate = (key: string, value: string, etag = "", token = "ada") =>
  client.call(service.rotateSecret, { name, key, value, etag }, { token });

async function secretOf(version: number, key: string): Promise<string | undefined> {
  const entry = await functions.get(KEYS.functionVersion(uid, version));
  if (entry?.operation !== "PUT") return undefined;
  const { sealedSecrets } = FunctionVersionRecord.decode(unpackRecord(entry.value));
  return sealedSecrets[key] && openSecret(sealedSecrets[key], `function-secret|${uid}|${key}`);
}

test("a rotated secret has its new value in every version, for runners only, and nothing else changes", async () => {
  await upload(client, name);
  for (const timeoutMs of [1_000, 2_000]) {
    const config = configWith({ timeoutMs, secrets: { TOKEN: "", OTHER: "" } });
    await client.call(service.updateFunction, { name, description: undefined, config, etag: "" });
    await client.call(service.publishVersion, { name, description: "" });
  }
  await until(async () => (await secretOf(2, "TOKEN")) === "canary-old");
  const answer = await rotate("TOKEN", "canary-new");
  assert.deepEqual(answer.config?.secrets, { TOKEN: "", OTHER: "" });
  for (const version of [1, 2]) await until(async () => (await secretOf(version, "TOKEN")) === "canary-new");
  assert.equal(await secretOf(1, "OTHER"), "canary-kept");
  const { number } = await client.call(service.publishVersion, { name, description: "" });
  assert.equal(number, 2, "the draft still holds what the newest version holds");
  const kept = JSON.stringify([...(await database.sql`select config::text from functions`)]);
  assert.doesNotMatch(kept, /canary/);
});

test("what cannot be rotated is refused", async () => {
  await refused(rotate("NONE", "v"), "not_found", "secret_not_found");
  await refusedFields(rotate("1x", ""), ["key", "value"]);
  await refusedFields(rotate("TOKEN", "x".repeat(4_097)), ["value"]);
  await refused(rotate("TOKEN", "v", '"1"'), "aborted", "etag_mismatch");
  await refused(rotate("TOKEN", "v", "", "eve"), "not_found", "project_not_found");
});
