/** The guide to the audit log, as its reader types it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { test } from "node:test";
import { until } from "@millrace/testing";
import { commandsIn, readersShell } from "./support/documents.ts";
import { testPlatform } from "./support/test-platform.ts";

const platform = await testPlatform();

/** Somebody at another address tries a password at the console. */
async function signInFrom(localAddress: string): Promise<number | undefined> {
  const url = `${platform.consoleUrl}/api/millrace.auth.v1.PeopleService/SignIn`;
  const asked = request(url, { method: "POST", localAddress, headers: { "content-type": "application/json" } });
  asked.end(JSON.stringify({ email: "nobody@example.com", password: "not the password" }));
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

test("the commands of the guide to the audit log work as they stand", async () => {
  const shell = readersShell(platform.platformFile);
  assert.equal(await signInFrom("127.0.0.9"), 401);
  await until(async () => /SignIn/.test(await shell("npx millrace audit --all --outcome denied")));
  const commands = commandsIn("docs/guides/audit.md");
  assert.equal(commands.length, 7);
  const printed: string[] = [];
  for (const line of commands) printed.push(await shell(line));
  const [, , project, object, all, refusals] = printed;
  assert.match(project!, /CreateFunction +projects\/audited\/functions\/pets +done/);
  assert.match(project!, /GrantOwner/);
  assert.match(project!, /config\.environment\.STAGE/);
  assert.doesNotMatch(project!, /north/);
  assert.match(object!, /CreateFunction/);
  assert.doesNotMatch(object!, /CreateProject/);
  assert.match(all!, /CreateProject/);
  const { events } = JSON.parse(refusals!) as { events: { reason: string; peer: string }[] };
  const refused = events.filter(({ reason }) => reason === "credential_invalid");
  assert.match(refused[0]?.peer ?? "", /^127\.0\.0\.9:\d+$/, "the address of who called the console");
});
