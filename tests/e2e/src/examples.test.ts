/** The examples as a newcomer deploys them: one command each, and unmodified applications answer. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { repositoryRoot } from "@millrace/local";
import { Cli } from "./support/cli.ts";
import { untilAnswer } from "./support/expect-answer.ts";
import { type Answer, type Call, send } from "./support/http.ts";
import { testPlatform } from "./support/test-platform.ts";

const platform = await testPlatform();
const home = mkdtempSync(join(tmpdir(), "millrace-home-"));
after(() => rmSync(home, { recursive: true }));
const cli = new Cli({ home, env: { MILLRACE_PLATFORM_FILE: platform.platformFile } });

type Status = { readonly deployments: readonly { readonly name: string; readonly pathUrl: string }[] };

async function deployed(
  example: string,
  group: string,
): Promise<(path: string, call?: Partial<Call>) => Promise<Answer>> {
  await cli.json(["deploy", join(repositoryRoot, "examples", example), "--yes"]);
  const { deployments } = await cli.json<Status>(["release", "status", "--group", group]);
  const { pathUrl } = deployments.find(({ name }) => name.endsWith("/online"))!;
  return (path, call = {}) => send({ url: pathUrl + path, ...call });
}

const post = (body: object): Partial<Call> => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

describe("examples/petstore", async () => {
  test("finds a pet, takes a new one, and a second deploy changes nothing", async () => {
    const call = await deployed("petstore", "petstore");
    const found = await untilAnswer(() => call("/pets/1"));
    assert.deepEqual(JSON.parse(found.text), { id: 1, name: "Rex", kind: "dog", status: "available" });
    const made = await call("/pets", post({ name: "Bello", kind: "dog" }));
    assert.equal(made.status, 201);
    assert.equal((JSON.parse(made.text) as { name: string }).name, "Bello");
    assert.equal((await call("/pets/99")).status, 404);
    const { releases: before } = await cli.json<{ releases: unknown[] }>([
      "release",
      "list",
      "-g",
      "petstore",
      "-e",
      "online",
    ]);
    await deployed("petstore", "petstore");
    const { releases: afterwards } = await cli.json<{ releases: unknown[] }>([
      "release",
      "list",
      "-g",
      "petstore",
      "-e",
      "online",
    ]);
    assert.deepEqual(afterwards, before);
  });

  test("tells in the logs what the functions printed, by the request's id", async () => {
    const call = await deployed("petstore", "petstore");
    const answer = await untilAnswer(() => call("/pets/2"));
    const id = String(answer.headers["x-millrace-request-id"]);
    await untilAnswer(async () => {
      const { stdout } = await cli.run(["logs", "--request-id", id]);
      return { ...answer, status: stdout.includes("found Mimi") ? 200 : 0 };
    });
  });
});

test("examples/hello answers", async () => {
  const call = await deployed("hello", "hello");
  assert.equal((await untilAnswer(() => call("/hello?name=Ada"))).text, "Hello, Ada!\n");
});

test("examples/hono-app, an unmodified Hono application, answers with its own routes, statuses and headers", async () => {
  const call = await deployed("hono-app", "books");
  const books = await untilAnswer(() => call("/books?author=austen"));
  assert.deepEqual(
    (JSON.parse(books.text) as { title: string }[]).map(({ title }) => title),
    ["Pride and Prejudice"],
  );
  const one = await call("/books/9780141439471");
  assert.equal((JSON.parse(one.text) as { title: string }).title, "Frankenstein");
  assert.ok(one.headers.etag !== undefined, "Hono's own middleware ran");
  const again = await call("/books/9780141439471", { headers: { "if-none-match": one.headers.etag! } });
  assert.equal(again.status, 304);
  assert.equal((await call("/books/none")).status, 404);
});

test("examples/lambda-express, an unmodified Express application for Lambda, answers", async () => {
  const call = await deployed("lambda-express", "quotes");
  const quote = await untilAnswer(() => call("/quotes/ACME?currency=USD"));
  const body = JSON.parse(quote.text) as Record<string, unknown>;
  assert.deepEqual([body.symbol, body.currency], ["ACME", "USD"]);
  assert.equal(quote.headers["x-powered-by"], "express");
  const order = await call("/orders", post({ symbol: "ACME", quantity: 3 }));
  assert.equal(order.status, 201);
  assert.equal(order.headers.location, "/orders/ACME-1");
  assert.equal((JSON.parse(order.text) as { quantity: number }).quantity, 3);
});
