import assert from "node:assert/strict";
import { test } from "node:test";
import { startConsole } from "../console-fixture.ts";

test("the page says which parts of the platform answer", async (t) => {
  const { call } = await startConsole(t);
  const page = (await call("/", { method: "GET" })).text;
  assert.match(page, /1 of 3 parts do not answer/);
  assert.match(page, /gateway<\/th>.*does not answer/);
  assert.match(page, /control-plane<\/th>.*class="up">up/);
  assert.match(page, /auth<\/th>.*class="up">up/);
});

test("the page runs no script and takes its style from a file of its own", async (t) => {
  const { call } = await startConsole(t);
  const page = await call("/", { method: "GET" });
  assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'; style-src 'self';/);
  assert.doesNotMatch(page.text, /<script|<style|style=|onclick/);
  const style = await call("/console.css", { method: "GET" });
  assert.deepEqual([style.status, style.headers.get("content-type")], [200, "text/css; charset=utf-8"]);
});

test("what is not there is a problem document with the security headers", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call("/admin", { method: "GET" });
  assert.equal(answer.status, 404);
  assert.equal(answer.body.reason, "route_not_found");
  for (const name of ["x-content-type-options", "referrer-policy", "content-security-policy", "x-request-id"]) {
    assert.ok(answer.headers.get(name), name);
  }
});
