import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { PlatformError } from "@millrace/errors";
import { Me, PeopleServiceService, Person } from "@millrace/proto/auth/v1/people";
import { RpcServer } from "@millrace/rpc";
import { folderWith, run, writePlatformFile } from "../command-line-fixture.ts";

const PASSWORD = "canary-password-9b";
const SESSION = "canary-session-9b";

/** A stand-in for auth in which a bearer token is a person's email, but for Ada's session. */
async function startAuth(t: TestContext) {
  const signedOut: string[] = [];
  const person = (email: string) => Person.create({ name: "people/ada00000", email });
  const server = new RpcServer({
    access: new Proxy({}, { get: () => ({ who: "public" }) }),
    async authenticate(token) {
      const email = token === SESSION ? "ada@example.com" : token;
      return { kind: "person", name: token, email, operator: false, memberships: new Map(), expiresAt: new Date() };
    },
    log: { debug: () => {}, warn: () => {}, error: () => {} },
  });
  const { signIn, signOut, getMe, acceptInvitation } = PeopleServiceService;
  server.add(
    { signIn, signOut, getMe, acceptInvitation },
    {
      async signIn({ email, password }) {
        if (password === PASSWORD) return { token: SESSION, expiresAt: undefined, person: person(email) };
        throw new PlatformError("unauthenticated", "Email or password is wrong.", { reason: "credential_invalid" });
      },
      async signOut(_, { principal }) {
        if (principal.kind === "person") signedOut.push(principal.name);
        return {};
      },
      async getMe(_, { principal }) {
        return Me.create({ person: person(principal.kind === "person" ? principal.email : "nobody") });
      },
      async acceptInvitation({ invitationToken, password }) {
        assert.deepEqual([invitationToken, password], ["invited", PASSWORD]);
        return { token: SESSION, expiresAt: undefined, person: person("ada@example.com") };
      },
    },
  );
  const port = await server.listen("127.0.0.1", 0);
  t.after(() => server.close());
  const home = folderWith(t, { password: `${PASSWORD}\n`, invitation: "invited\n", token: "bot@example.com\n" });
  writePlatformFile(home, { auth: `127.0.0.1:${port}` });
  const who = async (options: string[] = [], more = {}) => {
    const { stdout, stderr } = await run(home, ["whoami", "-o", "json", ...options], more);
    return stdout === "" ? JSON.parse(stderr).reason : JSON.parse(stdout).person.email;
  };
  return { home, signedOut, who, address: `127.0.0.1:${port}` };
}

test("beside a running platform one is its operator, until one signs in", async (t) => {
  const { home, who } = await startAuth(t);
  assert.equal(await who(), "operator-token");
  const { exitCode, stdout } = await run(home, ["login", "--email", "ada@example.com"], { input: `${PASSWORD}\n` });
  assert.deepEqual([exitCode, stdout], [0, "signed in as ada@example.com\n"]);
  assert.equal(await who(), "ada@example.com");
});

test("the sign-in is kept where only its user reads it, without the password", async (t) => {
  const { home } = await startAuth(t);
  const { stdout, stderr } = await run(home, ["login", "--email", "ada@example.com", "--password-file", "password"]);
  const file = join(home, ".config/millrace/profiles.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.doesNotMatch(readFileSync(file, "utf8") + stdout + stderr, new RegExp(PASSWORD));
  assert.doesNotMatch(stdout + stderr, new RegExp(SESSION));
});

test("signing out ends the session and forgets it", async (t) => {
  const { home, who, signedOut } = await startAuth(t);
  await run(home, ["login", "--email", "ada@example.com", "--password-file", "password"]);
  const { stdout } = await run(home, ["logout"]);
  assert.deepEqual([stdout, signedOut, await who()], ["signed out\n", [SESSION], "operator-token"]);
});

test("an API token is forgotten at sign-out, not deleted", async (t) => {
  const { home, who, signedOut } = await startAuth(t);
  await run(home, ["login", "--token-file", "token"]);
  assert.equal(await who(), "bot@example.com");
  await run(home, ["logout"]);
  assert.deepEqual([signedOut, await who()], [[], "operator-token"]);
});

test("an invitation is accepted with a password of one's own", async (t) => {
  const { home, who } = await startAuth(t);
  const argv = ["login", "--invitation-file", "invitation", "--password-file", "password"];
  assert.equal((await run(home, argv)).exitCode, 0);
  assert.equal(await who(), "ada@example.com");
});

test("what --save wrote can be signed in with as it is", async (t) => {
  const { home, who } = await startAuth(t);
  writeFileSync(join(home, "saved.json"), JSON.stringify({ token: { name: "tokens/a" }, secret: "bot@example.com" }));
  await run(home, ["login", "--token-file", "saved.json"]);
  assert.equal(await who(), "bot@example.com");
});

test("several sign-ins stand side by side", async (t) => {
  const { home, who } = await startAuth(t);
  await run(home, ["login", "--token-file", "token", "--use-profile", "bot"]);
  assert.equal(await who(["--use-profile", "bot"]), "bot@example.com");
  assert.equal(await who([], { env: { MILLRACE_PROFILE: "bot" } }), "bot@example.com");
  assert.equal(await who(), "operator-token");
  assert.equal(await who(["--use-profile", "nobody"]), "profile_not_found");
});

test("MILLRACE_PLATFORM_FILE chooses the platform: as whom one signed in there, else as its operator", async (t) => {
  const { home, who, address } = await startAuth(t);
  const elsewhere = join(home, "elsewhere.json");
  const platform = { controlPlaneAddress: "127.0.0.1:9", authAddress: address, adminToken: "other-operator" };
  writeFileSync(elsewhere, JSON.stringify(platform));
  const env = { MILLRACE_PLATFORM_FILE: elsewhere };
  assert.equal(await who([], { env }), "other-operator");
  await run(home, ["login", "--token-file", "token"]);
  assert.equal(await who([], { env }), "bot@example.com");
  writeFileSync(elsewhere, JSON.stringify({ ...platform, authAddress: "127.0.0.1:9" }));
  assert.equal(await who([], { env }), "platform_unavailable");
  writeFileSync(elsewhere, "{}");
  assert.equal(await who([], { env }), "request_invalid");
});

test("a wrong password is refused, and nothing repeats it", async (t) => {
  const { home } = await startAuth(t);
  const { exitCode, stdout, stderr } = await run(home, ["login", "--email", "a@b.c"], { input: "canary-wrong\n" });
  assert.equal(exitCode, 4);
  assert.equal(stderr, "error: Email or password is wrong. (credential_invalid)\n");
  assert.doesNotMatch(stdout + stderr, /canary/);
});

test("a password is asked for, piped or in a file; there is no option for it", async (t) => {
  const { home } = await startAuth(t);
  const { stderr, exitCode } = await run(home, ["login", "--email", "a@b.c"], { input: "" });
  assert.deepEqual([exitCode, stderr], [2, "error: password: must be typed or piped in\n"]);
  assert.equal((await run(home, ["login", "--email", "a@b.c", "--password", "x"])).exitCode, 2);
});
