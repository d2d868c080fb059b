import assert from "node:assert/strict";
import { test } from "node:test";
import { PASSWORD, startConsole, TOKEN } from "../console-fixture.ts";

const GET_PROJECT = "/api/millrace.control.v1.ProjectService/GetProject";
const credentials = { email: "ada@example.com", password: PASSWORD };

test("signing in sets a cookie that no script reads and answers no token", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call("/session", { json: credentials });
  const text = answer.text;
  assert.equal(answer.status, 200);
  assert.equal(JSON.parse(text).person.email, "ada@example.com");
  assert.doesNotMatch(text, new RegExp(TOKEN));
  assert.match(
    answer.headers.get("set-cookie") ?? "",
    /^millrace_session=\S+; Path=\/; Max-Age=3(600|599); HttpOnly; SameSite=Strict$/,
  );
});

test("behind https the cookie is Secure and bound to the host", async (t) => {
  const { call } = await startConsole(t, { secure: true, publicOrigin: "https://console.example.com" });
  const answer = await call("/session", { json: credentials, headers: { origin: "https://console.example.com" } });
  assert.match(answer.headers.get("set-cookie") ?? "", /^__Host-millrace_session=\S+;.*; SameSite=Strict; Secure$/);
  assert.match(answer.headers.get("strict-transport-security") ?? "", /max-age/);
});

test("a session calls the API only with the CSRF header and from its own origin", async (t) => {
  const { call, url } = await startConsole(t);
  const cookie = (await call("/session", { json: credentials })).headers.get("set-cookie")!.split(";")[0]!;
  const attempt = async (headers: Record<string, string>) => {
    const answer = await call(GET_PROJECT, { json: { name: "projects/a" }, headers: { cookie, ...headers } });
    const body = answer.body;
    return body.reason ?? body.displayName;
  };
  const csrf = { "x-millrace-csrf": "1" };
  assert.equal(await attempt(csrf), "ada@example.com");
  assert.equal(await attempt({ ...csrf, origin: url, "sec-fetch-site": "same-origin" }), "ada@example.com");
  assert.equal(await attempt({}), "csrf_refused");
  assert.equal(await attempt({ "x-millrace-csrf": "0" }), "csrf_refused");
  assert.equal(await attempt({ ...csrf, origin: "http://evil.example" }), "csrf_refused");
  assert.equal(await attempt({ ...csrf, "sec-fetch-site": "same-site" }), "csrf_refused");
  assert.equal(await attempt({ ...csrf, "sec-fetch-site": "cross-site" }), "csrf_refused");
});

test("another site cannot sign a browser in", async (t) => {
  const { call } = await startConsole(t);
  const answer = await call("/session", { json: credentials, headers: { origin: "http://evil.example" } });
  assert.deepEqual([answer.status, answer.headers.get("set-cookie")], [403, null]);
});

test("signing out removes the cookie", async (t) => {
  const { call } = await startConsole(t);
  const headers = { cookie: `millrace_session=${TOKEN}`, "x-millrace-csrf": "1" };
  const answer = await call("/session", { method: "DELETE", headers });
  assert.equal(answer.status, 204);
  assert.match(answer.headers.get("set-cookie") ?? "", /^millrace_session=; Path=\/; Max-Age=0;/);
});

test("a wrong password is refused, and neither answer nor log repeats it", async (t) => {
  const { call, logged } = await startConsole(t);
  const canary = "canary-51ab";
  const wrong = await call("/session", { json: { ...credentials, password: canary } });
  const typed = await call("/session", { json: { ...credentials, password: [canary] } });
  const broken = await call("/session", { body: `{"password":"${canary}"` });
  assert.deepEqual([wrong.status, typed.status, broken.status], [401, 400, 400]);
  const texts = [wrong, typed, broken].map(({ text }) => text);
  assert.equal(JSON.parse(texts[1]!).detail, "password: must be a string that is not empty");
  assert.doesNotMatch(texts.join() + logged.join(), new RegExp(canary));
});
