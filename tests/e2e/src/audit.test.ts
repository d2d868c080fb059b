/** The guide to the audit log, as its reader types it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "@millrace/testing";
import { commandsIn, readersShell } from "./support/documents.ts";
import { testPlatform } from "./support/test-platform.ts";

const platform = await testPlatform();

test("the commands of the guide to the audit log work as they stand", async () => {
  const shell = readersShell(platform.platformFile);
  const denied = await fetch(`${platform.consoleUrl}/api/millrace.auth.v1.PeopleService/SignIn`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "nobody@example.com", password: "not the password" }),
  });
  assert.equal(denied.status, 401);
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
  const { events } = JSON.parse(refusals!) as { events: { reason: string }[] };
  assert.ok(events.some(({ reason }) => reason === "credential_invalid"));
});
