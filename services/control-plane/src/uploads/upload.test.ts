import assert from "node:assert/strict";
import { after, test } from "node:test";
import { digestOf, OBJECT_STORES, openObjects } from "@millrace/bus";
import { FunctionServiceService, HandlerShape, UploadCodeRequest } from "@millrace/proto/control/v1/functions";
import type { CallOptions } from "@millrace/rpc";
import { until } from "@millrace/testing";
import { LIMITS } from "../limits.ts";
import { createFunction, createProject, HANDLER_CODE, upload } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startTestBuilder } from "../testing/test-builder.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, database, app, clock } = await startControlPlane({ after });
await createProject(client, "shop");
const { uploadCode, getFunction } = FunctionServiceService;
const headerOf = (name: string, filename = "index.js") =>
  UploadCodeRequest.create({ part: { $case: "header", value: { name, filename } } });
const chunkOf = (bytes: Uint8Array) =>
  UploadCodeRequest.create({ part: { $case: "chunk", value: Buffer.from(bytes) } });
const bare = await createFunction(client, "shop", "bare");

test("without a runner an upload is unavailable, and the draft stays as it was", async () => {
  await refused(upload(client, bare.name), "unavailable", "no_runner");
  assert.equal((await client.call(getFunction, { name: bare.name })).etag, bare.etag);
});

test("an upload becomes the draft's code, kept in PostgreSQL and in the object store under its digest", async () => {
  const builder = startTestBuilder(bus);
  const { name } = await createFunction(client, "shop", "built");
  const built = await upload(client, name);
  builder.stop();
  const artifact = Buffer.from(`built ${HANDLER_CODE}`);
  assert.equal(built.code?.digest, digestOf(artifact));
  assert.equal(built.code?.uploadDigest, digestOf(Buffer.from(HANDLER_CODE)));
  assert.deepEqual([built.code?.shape, built.code?.sizeBytes], [HandlerShape.HANDLER, artifact.length]);
  const artifacts = await openObjects(bus, OBJECT_STORES.artifacts);
  assert.deepEqual(Buffer.from((await artifacts.getBlob(digestOf(artifact)))!), artifact);
  const chunks = await database.sql<{ bytes: Buffer }[]>`
    select bytes from artifact_chunks where digest = ${digestOf(artifact)} order by number`;
  assert.deepEqual(Buffer.concat(chunks.map(({ bytes }) => bytes)), artifact);
});

test("an artifact of many chunks comes through whole", async () => {
  const builder = startTestBuilder(bus);
  const { name } = await createFunction(client, "shop", "large");
  const code = Buffer.alloc(5 * 1024 * 1024, "0123456789abcdef");
  const built = await upload(client, name, code);
  builder.stop();
  const artifacts = await openObjects(bus, OBJECT_STORES.artifacts);
  assert.equal(digestOf((await artifacts.getBlob(built.code!.digest))!), built.code!.digest);
});

test("nothing of an upload stays where it only passed through", async () => {
  for (const store of [OBJECT_STORES.uploads, OBJECT_STORES.builds]) {
    assert.deepEqual(
      (await (await openObjects(bus, store)).list()).filter(({ deleted }) => !deleted),
      [],
    );
  }
});

test("the same code sent twice at once is built for both", async () => {
  const builder = startTestBuilder(bus);
  const names = ["left", "right"];
  const functions = await Promise.all(names.map((id) => createFunction(client, "shop", id)));
  const built = await Promise.all(functions.map(({ name }) => upload(client, name, "export const handler = 'both'")));
  assert.equal(built[0]!.code!.digest, built[1]!.code!.digest);
  builder.stop();
});

test("an artifact that nothing uses for an hour is deleted everywhere, one that is used stays", async () => {
  const builder = startTestBuilder(bus);
  const { name } = await createFunction(client, "shop", "collected");
  const old = await upload(client, name, "export const handler = 'old'");
  const kept = await upload(client, name, "export const handler = 'kept'");
  builder.stop();
  const artifacts = await openObjects(bus, OBJECT_STORES.artifacts);
  const isThere = async ({ code }: typeof old) => (await artifacts.info(code!.digest))?.deleted === false;
  await app.sweepArtifacts();
  assert.ok(await isThere(old));
  clock.now = new Date(clock.now.getTime() + LIMITS.artifactUnusedMs + 60_000);
  await app.sweepArtifacts();
  assert.deepEqual([await isThere(old), await isThere(kept)], [false, true]);
  assert.equal((await database.sql`select 1 from artifact_chunks where digest = ${old.code!.digest}`).length, 0);
  const again = startTestBuilder(bus);
  assert.equal((await upload(client, name, "export const handler = 'old'")).code!.digest, old.code!.digest);
  again.stop();
  assert.ok(await isThere(old));
});

test("the same upload is not built again; another name, or a changed entry, is another program", async () => {
  const builder = startTestBuilder(bus);
  const { name } = await createFunction(client, "shop", "same");
  const first = await upload(client, name);
  assert.deepEqual(await upload(client, name), first);
  assert.equal(builder.requests.length, 1);
  await upload(client, name, HANDLER_CODE, { filename: "index.ts" });
  assert.equal(builder.requests.length, 2);
  builder.stop();
});

test("what a builder finds is answered with file, line and column", async () => {
  const builder = startTestBuilder(bus);
  const findings = [
    { file: "index.js", line: 3, column: 7, message: "Unexpected token" },
    { file: "lib/a.js", line: 0, column: 0, message: "cannot be found" },
  ];
  builder.answer = { $case: "fault", value: { reason: "code_invalid", findings } };
  const error = await refused(upload(client, bare.name), "invalid_argument", "code_invalid");
  assert.deepEqual(error.violations, [
    { field: "index.js:3:7", description: "Unexpected token" },
    { field: "lib/a.js", description: "cannot be found" },
  ]);
  for (const reason of ["archive_refused", "upload_too_large"]) {
    builder.answer = { $case: "fault", value: { reason, findings: [] } };
    await refused(upload(client, bare.name, HANDLER_CODE, { filename: "code.zip" }), "invalid_argument", reason);
  }
  builder.answer = { $case: "fault", value: { reason: "made_up", findings: [] } };
  await refused(upload(client, bare.name), "internal", "internal");
  builder.stop();
});

test("an artifact that is not what its name says is not kept", async () => {
  const builder = startTestBuilder(bus);
  const builds = await openObjects(bus, OBJECT_STORES.builds);
  const digest = "0".repeat(64);
  await builds.putBlob({ name: digest }, Buffer.from("something else"));
  builder.answer = { $case: "artifact", value: { digest, sizeBytes: 14, shape: "handler", exports: [] } };
  await refused(upload(client, bare.name), "internal", "artifact_broken");
  builder.answer = {
    $case: "artifact",
    value: { digest: "1".repeat(64), sizeBytes: 14, shape: "handler", exports: [] },
  };
  await refused(upload(client, bare.name), "internal", "artifact_broken");
  builder.stop();
  assert.equal((await database.sql`select 1 from artifacts where digest = ${digest}`).length, 0);
});

test("the first message must be the header, and the rest chunks", async () => {
  const send = (messages: UploadCodeRequest[]) => client.callClientStream(uploadCode, messages);
  await refusedFields(send([]), ["header"]);
  await refusedFields(send([chunkOf(Buffer.from("x"))]), ["header"]);
  await refusedFields(send([headerOf(bare.name), headerOf(bare.name)]), ["chunk"]);
  await refusedFields(send([headerOf("functions/x")]), ["header.name"]);
});

test("file names outside the rule are refused before any byte is read", async () => {
  const from = (filename: string, entry = "") => upload(client, bare.name, "x", { filename, entry });
  await refusedFields(from("index.py"), ["header.filename"]);
  await refusedFields(from("../index.js"), ["header.filename"]);
  await refusedFields(from("index.js", "main.js"), ["header.entry"]);
  await refusedFields(from("code.zip", "../main.js"), ["header.entry"]);
  await refusedFields(from("code.zip", "/main.js"), ["header.entry"]);
});

test("strangers, missing functions and stale etags are refused", async () => {
  await refused(upload(client, bare.name, "x", {}, { token: "eve" }), "not_found", "project_not_found");
  await refused(upload(client, "projects/shop/functions/none"), "not_found", "function_not_found");
  await refused(upload(client, bare.name, "x", { etag: '"99"' }), "aborted", "etag_mismatch");
});

test("an upload of one byte too many is refused", async () => {
  function* tooLarge() {
    yield headerOf(bare.name);
    const chunk = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < LIMITS.uploadBytesMax / chunk.length; i++) yield chunkOf(chunk);
    yield chunkOf(Buffer.from("x"));
  }
  const call = client.callClientStream(uploadCode, tooLarge(), { timeoutMs: 30_000 });
  await refused(call, "invalid_argument", "upload_too_large");
});

test("only a few uploads run at a time, of one person fewer still, and one that ends makes room", async () => {
  await createProject(client, "eves", { token: "eve" });
  const request = { parent: "projects/eves", functionId: "own", description: "", config: undefined, requestId: "" };
  const own = await client.call(FunctionServiceService.createFunction, request, { token: "eve" });
  const gate = Promise.withResolvers<void>();
  let waiting = 0;
  const start = (name: string, options?: CallOptions) => {
    async function* slowly() {
      yield headerOf(name);
      waiting++;
      await gate.promise;
    }
    return client.callClientStream(uploadCode, slowly(), options).catch((error: unknown) => error);
  };
  const { ofOneMax: each, max: all } = LIMITS.uploads;
  const running = Array.from({ length: each }, () => start(bare.name));
  await until(() => waiting === each);
  await until(() => refused(upload(client, bare.name), "resource_exhausted", "upload_busy"));
  await refused(upload(client, own.name, "x", {}, { token: "eve" }), "unavailable", "no_runner");
  running.push(...Array.from({ length: all - each }, () => start(own.name, { token: "eve" })));
  await until(() => waiting === all);
  await until(() => refused(upload(client, own.name, "x", {}, { token: "eve" }), "resource_exhausted", "upload_busy"));
  gate.resolve();
  await Promise.all(running);
  await refused(upload(client, bare.name), "unavailable", "no_runner");
});

test("with the bus away an upload is unavailable", async () => {
  const alone = await startControlPlane({ after }, { busReachable: false });
  await createProject(alone.client, "shop");
  const { name } = await createFunction(alone.client, "shop", "f");
  await refused(upload(alone.client, name), "unavailable", "bus_unavailable");
});
