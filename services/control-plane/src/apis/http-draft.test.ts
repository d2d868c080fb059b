import assert from "node:assert/strict";
import { test } from "node:test";
import { Violations } from "../requests/violations.ts";
import { type HttpDraft, readHttp } from "./http-draft.ts";

function read(draft: Partial<HttpDraft>) {
  const violations = new Violations();
  const base = {
    kind: "http",
    url: "https://api.example.com",
    timeoutMs: 0,
    forwardHost: false,
    signingKey: "",
  } as const;
  const backend = readHttp({ ...base, ...draft }, violations, "http");
  return { backend, faults: violations.found.map(({ field }) => field) };
}

test("a URL is kept as it is normalised, and what is not said has its default", () => {
  assert.deepEqual(read({}).backend, {
    kind: "http",
    url: "https://api.example.com",
    timeoutMs: 10_000,
    retries: 1,
    forwardHost: false,
    signingKey: "",
  });
  const urls = {
    "HTTPS://API.example.com/": "https://api.example.com",
    "https://api.example.com:443/v2/": "https://api.example.com/v2",
    "http://10.0.0.5:8080/a%20b/c": "http://10.0.0.5:8080/a%20b/c",
    "http://[fd00::1]:80": "http://[fd00::1]",
  };
  for (const [url, kept] of Object.entries(urls)) {
    assert.deepEqual([read({ url }).backend.url, read({ url }).faults], [kept, []], url);
  }
});

test("a URL that is none, shows another host than it means, or says more than where to go is refused", () => {
  const hosts = ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "①②⑦.⓪.⓪.①", "a%2eb", "[::ffff:127.0.0.1]", "[0:0::1]"];
  const authorities = [...hosts, "user@h", "user:pw@h", "", "h:0", "h:65536", "h:x", "a b", "h\\x", "h\t"];
  const urls = authorities.map((authority) => `http://${authority}/`);
  const paths = [
    "?q=1",
    "/?q",
    "/#f",
    "/../a",
    "/a/./b",
    "/a/%2e%2e/b",
    "//b",
    "/a//b",
    "/a%2fb",
    "/a%00",
    "/é",
    "/a b",
    "/a\\b",
    "/%zz",
    "/{id}",
  ];
  const schemes = [
    "",
    "ftp://h",
    "//h",
    "h",
    "file:///etc/passwd",
    "http:h",
    "http:/h",
    "javascript:1",
    " http://h",
    "http://h\r\nx",
  ];
  for (const url of [...urls, ...paths.map((path) => `http://h${path}`), ...schemes]) {
    assert.deepEqual(read({ url }).faults, ["http.url"], JSON.stringify(url));
  }
  assert.deepEqual(read({ url: `http://h/${"x".repeat(2_039)}` }).faults, []);
  assert.deepEqual(read({ url: `http://h/${"x".repeat(2_040)}` }).faults, ["http.url"]);
});

test("timeout and retries have bounds, and every fault is named", () => {
  for (const timeoutMs of [100, 300_000]) assert.deepEqual(read({ timeoutMs }).faults, []);
  for (const timeoutMs of [99, 300_001, -1]) assert.deepEqual(read({ timeoutMs }).faults, ["http.timeout_ms"]);
  for (const retries of [0, 3]) assert.deepEqual(read({ retries }).faults, []);
  for (const retries of [-1, 4]) assert.deepEqual(read({ retries }).faults, ["http.retries"]);
  assert.deepEqual(read({ signingKey: "AK1234567890" }).faults, []);
  assert.deepEqual(read({ signingKey: "AK/../x" }).faults, ["http.signing_key"]);
  const all = ["http.url", "http.timeout_ms", "http.retries"];
  assert.deepEqual(read({ url: "x", timeoutMs: 1, retries: 9 }).faults, all);
});
