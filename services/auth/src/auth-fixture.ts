/** A whole service for tests: a database of its own, gRPC on a free port, a clock that tests set, callers of every kind. */
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { AuditLog } from "@millrace/audit";
import { PlatformError } from "@millrace/errors";
import { randomLabel } from "@millrace/names";
import { IdentityServiceService } from "@millrace/proto/auth/v1/internal";
import { PeopleServiceService, type SignInResponse } from "@millrace/proto/auth/v1/people";
import { RpcClient, ServiceIdentity, type ServiceName, ServiceTrust } from "@millrace/rpc";
import { MasterKeyring } from "@millrace/sealing";
import type { Sql, Transaction } from "@millrace/sql";
import { type Owner, testDatabase, until } from "@millrace/testing";
import { READS } from "./access.ts";
import { type AppDeps, buildApp, SCHEMA } from "./app.ts";
import { bootstrap } from "./people/bootstrap.ts";
import { PasswordHasher } from "./people/password-hasher.ts";
import { mintBearer } from "./tokens/bearer-token.ts";

export const MIGRATIONS = join(import.meta.dirname, "../migrations");
export const PASSWORD = "correct horse battery";

type Method<Request, Response> = Parameters<typeof RpcClient.prototype.call<Request, Response>>[0] & {
  requestDeserialize(bytes: Buffer): Request;
};

export type AuthUnderTest = Awaited<ReturnType<typeof authUnderTest>>;
export type AuthOptions = Partial<Pick<AppDeps, "deployments" | "bucketKeys" | "selfRegistration">>;

const passwords = new PasswordHasher();

export async function authUnderTest(owner: Owner, options: AuthOptions = {}) {
  const database = await testDatabase(owner, { schema: SCHEMA, migrations: MIGRATIONS });
  const clock = { now: new Date() };
  const logged: string[] = [];
  const record = (fields: object, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
  const services = serviceKeys();
  const operatorToken = mintBearer("token").text;
  const deps = { sql: database.sql, now: () => clock.now, passwords };
  await bootstrap(deps, JSON.stringify({ email: "operator@millrace.local", password: PASSWORD, token: operatorToken }));
  const audit = new AuditLog({ sql: database.sql, reads: READS, log: { warn: record } });
  const server = buildApp({
    ...deps,
    audit,
    log: { debug: record, warn: record, error: record },
    trust: new ServiceTrust("auth", services.trust),
    masterKeys: MasterKeyring.parse(randomBytes(32).toString("base64")),
    deployments: { hostLabelOf: async (name) => `host${name.length}` },
    bucketKeys: async function* () {},
    selfRegistration: false,
    ...options,
  });
  const client = new RpcClient({ address: `127.0.0.1:${await server.listen("127.0.0.1", 0)}` });
  owner.after(async () => {
    client.close();
    server.close();
  });

  /** Members that are left out have proto's default. */
  function call<Request, Response>(method: Method<Request, Response>, request: Partial<Request>, token?: string) {
    const whole = { ...method.requestDeserialize(Buffer.alloc(0)), ...request };
    return client.call(method, whole, token === undefined ? {} : { token });
  }
  const as = (service: ServiceName) => services.identities[service].tokenFor("auth");

  /** Somebody who has accepted an invitation. */
  async function joined(email: string): Promise<SignInResponse & { id: string }> {
    const { invitePerson, acceptInvitation } = PeopleServiceService;
    const { invitationToken } = await call(invitePerson, { email }, operatorToken);
    const session = await call(acceptInvitation, { invitationToken, displayName: email, password: PASSWORD });
    return { ...session, id: session.person!.name.slice("people/".length) };
  }

  /** A new project and its first owner. */
  async function ownedProject() {
    const project = `p-${randomLabel(8)}`;
    const person = await joined(`${randomUUID()}@example.com`);
    const request = { project: `projects/${project}`, person: person.person!.name };
    await call(IdentityServiceService.grantOwner, request, await as("control-plane"));
    return { project, parent: `projects/${project}`, owner: person, token: person.token };
  }

  return { database, clock, audit, logged, call, as, joined, ownedProject, operatorToken, client };
}

/**
 * Runs `work` against a transaction that has changed something and not yet ended: it is ended when `work` waits for a lock, so that
 * nothing depends on who is faster.
 */
export async function whileUncommitted<T>(
  sql: Sql,
  change: (tx: Transaction) => Promise<unknown>,
  work: () => Promise<T>,
): Promise<PromiseSettledResult<T>> {
  let result: Promise<PromiseSettledResult<T>[]> | undefined;
  await sql.begin(async (tx) => {
    await change(tx);
    result = Promise.allSettled([work()]);
    await until(async () => {
      const waiting =
        await sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return waiting.length > 0;
    });
  });
  return (await result!)[0]!;
}

/** For `assert.rejects`. */
export function refusal(code: string, reason: string, fields?: readonly string[]) {
  return (error: unknown) => {
    assert.ok(error instanceof PlatformError, String(error));
    assert.deepEqual([error.code, error.reason], [code, reason], error.message);
    if (fields) assert.deepEqual(error.violations.map(({ field }) => field).toSorted(), fields.toSorted());
    return true;
  };
}

const SERVICES = ["gateway", "control-plane", "console", "function-runner", "auth"] as const satisfies ServiceName[];

/** A key pair for each service, and what `auth` trusts. */
export function serviceKeys() {
  const pairs = SERVICES.map((service) => {
    const pair = generateKeyPairSync("ed25519", {
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    return { service, ...pair };
  });
  return {
    trust: JSON.stringify(Object.fromEntries(pairs.map(({ service, publicKey }) => [service, publicKey]))),
    privateKeys: Object.fromEntries(pairs.map(({ service, privateKey }) => [service, privateKey])),
    identities: Object.fromEntries(
      pairs.map(({ service, privateKey }) => [service, new ServiceIdentity(service, privateKey)]),
    ) as Record<ServiceName, ServiceIdentity>,
  };
}
