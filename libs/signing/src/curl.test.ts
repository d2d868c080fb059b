/** What `curl --aws-sigv4` really sends, as the curl of this machine sends it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { holds, type Received, receive } from "./received.ts";

const run = promisify(execFile);
const SECRET = "curl-test-secret";
const CAN_SIGN = await run("curl", ["--help", "all"]).then(
  ({ stdout }) => stdout.includes("--aws-sigv4"),
  () => false,
);
const skip = CAN_SIGN ? false : "this machine has no curl that can sign (7.75 or newer)";

async function curl(target: string, ...options: string[]): Promise<Received> {
  await using receiver = await receive();
  const signing = ["--silent", "--fail", "--max-time", "10", "--aws-sigv4", "aws:amz:local-1:abc123def456"];
  const url = `http://127.0.0.1:${receiver.port}${target}`;
  // The secret goes by standard input: arguments are visible to every process.
  const child = run("curl", [...signing, "--config", "-", "--path-as-is", ...options, url]);
  child.child.stdin?.end(`user = "KEY:${SECRET}"\n`);
  await child;
  const [received] = receiver.requests;
  assert.ok(received);
  return received;
}

const cases: [what: string, target: string, ...options: string[]][] = [
  ["a plain path", "/pets"],
  ["an unsorted query", "/pets?z=1&b=3&a=2"],
  ["a query with an encoded blank, a plus and an empty value", "/pets?q=a%20b&p=x+y&empty="],
  ["a parameter without a value", "/pets?flag"],
  ["repeated parameters out of order", "/pets?tag=b&tag=a"],
  ["a query that curl encodes itself", "/pets", "--get", "--data-urlencode", "q=a b+c/é"],
  ["escapes in lower case", "/pets?q=%2f%7e"],
  ["a path with an encoded blank and a colon", "/pets/a%20b:adopt"],
  ["a path in Chinese", "/pets/%E4%B8%AD"],
  ["a trailing slash", "/pets/"],
  ["an encoded slash", "/pets/a%2Fb"],
  ["a body with curl's own content type", "/pets", "--data", "name=Ada"],
  ["a JSON body", "/pets", "--header", "content-type: application/json", "--data", '{"name":"Ada"}'],
  ["a nonce", "/pets", "--header", "x-millrace-nonce: 5d1a"],
  ["headers whose names are each other's beginning", "/pets", "--header", "x-a: 1", "--header", "x-a-b: 2"],
  ["another method", "/pets?b=1&a=2", "--request", "DELETE"],
];

for (const [what, target, ...options] of cases) {
  test(`curl signs ${what}`, { skip }, async () => {
    const received = await curl(target, ...options);
    assert.equal(holds(received, SECRET), true);
    assert.notEqual(holds(received, "another secret"), true);
    assert.notEqual(holds({ ...received, target: `${received.target}0` }, SECRET), true);
    assert.notEqual(holds({ ...received, body: Buffer.from("another body") }, SECRET), true);
  });
}

test("a query that curl signed in one order is refused in another where the order has a meaning", {
  skip,
}, async () => {
  const received = await curl("/pets?tag=b&tag=a");
  assert.notEqual(holds({ ...received, target: "/pets?tag=a&tag=b" }, SECRET), true);
});
