import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "@millrace/testing";
import { MIGRATIONS, PASSWORD, whileUncommitted } from "../auth-fixture.ts";
import { mintBearer } from "../tokens/bearer-token.ts";
import { bootstrap } from "./bootstrap.ts";
import { PasswordHasher } from "./password-hasher.ts";
import { insertPerson } from "./person-store.ts";

const passwords = new PasswordHasher();
const now = () => new Date();
const file = (email: string) => JSON.stringify({ email, password: PASSWORD, token: mintBearer("token").text });

test("the first operator is made once, by whichever process comes first", async (t) => {
  const { sql } = await testDatabase(t, { schema: "auth", migrations: MIGRATIONS });
  const emails = ["a@example.com", "b@example.com", "c@example.com"];
  const made = await Promise.all(emails.map((email) => bootstrap({ sql, now, passwords }, file(email))));
  assert.equal(made.filter(Boolean).length, 1);
  assert.equal(await bootstrap({ sql, now, passwords }, file("d@example.com")), false);
  const people = await sql`select email, operator from people join tokens using (person_id)`;
  assert.deepEqual([...people], [{ email: emails[made.indexOf(true)]!, operator: true }]);
});

test("whoever becomes a person while the first operator is being made comes first", async (t) => {
  const { sql } = await testDatabase(t, { schema: "auth", migrations: MIGRATIONS });
  const somebody = { personId: "somebody0000", email: "x@example.com", displayName: "x", operator: false };
  const result = await whileUncommitted(
    sql,
    (tx) => insertPerson(tx, { ...somebody, passwordHash: "", createdAt: now() }),
    () => bootstrap({ sql, now, passwords }, file("a@example.com")),
  );
  assert.deepEqual(result, { status: "fulfilled", value: false });
});

test("a bootstrap file that is not usable is refused without being shown", async (t) => {
  const { sql } = await testDatabase(t, { schema: "auth", migrations: MIGRATIONS });
  const canary = "canary-4711-bootstrap";
  for (const bad of [canary, `{"email": "a@b.c", "password": "${canary}"}`, `{"token": "mrt_${canary}"}`]) {
    await assert.rejects(bootstrap({ sql, now, passwords }, bad), (error: Error) => {
      assert.match(error.message, /MILLRACE_BOOTSTRAP_FILE: must hold JSON/);
      return !`${error.stack} ${JSON.stringify(error)}`.includes(canary);
    });
  }
});
