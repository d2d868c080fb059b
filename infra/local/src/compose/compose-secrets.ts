/**
 * The secrets of the compose file: made by the same code as those of `npm start`, then handed out, to each container a folder (a volume)
 * with what it needs and nothing else.
 */
import { chownSync, copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { natsConfiguration } from "../engines/nats-engine.ts";
import { POSTGRES_SUPERUSER } from "../engines/postgres-engine.ts";
import { redisConfiguration } from "../engines/redis-engine.ts";
import type { GatewayBundle } from "../joining/gateway-bundle.ts";
import { type GatewayAddresses, makeGatewayBundle } from "../joining/joined-gateways.ts";
import { makeBundle } from "../joining/joined-runners.ts";
import { joinedUsers } from "../joining/joined-users.ts";
import type { RunnerBundle } from "../joining/runner-bundle.ts";
import { isRoot, type User } from "../paths.ts";
import { databaseUrlFile, prepareDatabases, STATEFUL_SERVICES } from "../platform/databases.ts";
import { busIdentities, serviceInstances } from "../platform/service-table.ts";
import { makeNatsUsers, makePlatformSecrets, natsSeedFile, serviceKeyFile } from "../secrets/platform-secrets.ts";
import { SecretFiles } from "../secrets/secret-files.ts";

/** The user `node` of the image; NATS and Redis run as it too. */
const READER: User = { uid: 1000, gid: 1000 };
const ROOT: User = { uid: 0, gid: 0 };

const NATS = { port: 4222, monitorPort: 8222, folder: "/data/nats" };
const REDIS = { host: "redis", port: 6379 };
const POSTGRES = { host: "postgres", port: 5432 };

const OWN_FILES: Readonly<Record<string, readonly string[]>> = {
  "control-plane": ["runner-public.pem", "gateway-public.pem", "control-plane.key"],
  auth: ["master.key", "bootstrap.json"],
  "function-runner": ["runner-private.pem"],
  gateway: ["redis.url", "gateway-private.pem"],
  console: [],
};

export function makeComposeSecrets(root: string): void {
  const files = new SecretFiles(join(root, "platform"));
  const secrets = makePlatformSecrets(files);
  const instances = serviceInstances({ gateways: 1, runners: 1 });
  const users = [...makeNatsUsers(files, busIdentities(instances)), ...joinedUsers(files)];
  files.write("redis.url", `redis://:${secrets.redisPassword}@${REDIS.host}:${REDIS.port}/0`);
  for (const { service, id } of instances) {
    const own = new Map(OWN_FILES[service]!.map((name) => [name, files.path(name)]));
    own.set("service.pem", serviceKeyFile(files, service)).set("trust.json", secrets.trustFile);
    if (service !== "console") own.set("nats.seed", natsSeedFile(files, { service, id }));
    handOut(join(root, service), own, READER);
  }
  const nats = { ...NATS, name: "nats", listenHost: "0.0.0.0", monitorHost: "127.0.0.1", users };
  files.write("nats.json", natsConfiguration(nats));
  const redis = { ...REDIS, listenHost: "0.0.0.0", folder: "/tmp", password: secrets.redisPassword };
  files.write("redis.conf", redisConfiguration(redis));
  handOut(join(root, "nats"), new Map([["nats.json", files.path("nats.json")]]), READER);
  handOut(join(root, "redis"), new Map([["redis.conf", files.path("redis.conf")]]), READER);
  handOut(join(root, "postgres"), new Map([["password", files.path("postgres.password")]]), ROOT);
  // A new volume belongs to root, but NATS does not run as root.
  if (isRoot() && existsSync(NATS.folder)) chownSync(NATS.folder, READER.uid, READER.gid);
}

/** Lets one more runner in as soon as NATS reads its configuration again; answers the bundle that it joins with. */
export function makeComposeRunner(root: string, id: string, natsUrl: string): RunnerBundle {
  const bundle = makeBundle(new SecretFiles(join(root, "platform")), id, { natsUrl });
  makeComposeSecrets(root);
  return bundle;
}

/** The same for a gateway, which needs Redis and auth as well. */
export function makeComposeGateway(root: string, id: string, addresses: GatewayAddresses): GatewayBundle {
  const bundle = makeGatewayBundle(new SecretFiles(join(root, "platform")), id, addresses);
  makeComposeSecrets(root);
  return bundle;
}

export async function makeComposeDatabases(root: string, { host, port } = POSTGRES): Promise<void> {
  const files = new SecretFiles(join(root, "platform"));
  const { postgresPassword } = makePlatformSecrets(files);
  await prepareDatabases(`postgres://${POSTGRES_SUPERUSER}:${postgresPassword}@${host}:${port}/postgres`, files);
  for (const service of STATEFUL_SERVICES) {
    handOut(join(root, service), new Map([["database.url", databaseUrlFile(files, service)]]), READER);
  }
}

function handOut(folder: string, files: ReadonlyMap<string, string>, reader: User): void {
  const target = new SecretFiles(folder);
  for (const [name, source] of files) {
    copyFileSync(source, target.path(name));
    if (isRoot()) chownSync(target.path(name), reader.uid, reader.gid);
  }
  if (isRoot()) chownSync(folder, reader.uid, reader.gid);
}
