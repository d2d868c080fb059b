import { generateKeyPairSync, randomBytes } from "node:crypto";
import { type BusConfig, type BusIdentity, connectBus } from "@millrace/bus";
import { OutboundGuard, parseAllowedRange } from "@millrace/outbound";
import { RpcClient, ServiceIdentity, ServiceTrust } from "@millrace/rpc";
import { MasterKeyring, openWithKey, sealToKey } from "@millrace/sealing";
import { createLogger } from "@millrace/telemetry";
import { type TestDatabase, type TestNats, testDatabase, testNats, until } from "@millrace/testing";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/nats-core";
import { type App, buildApp } from "../app.ts";
import { IdentityClient } from "../identity/identity-client.ts";
import { startTestAuth, type TestAuth } from "./test-auth.ts";

// The whole service on real engines, with auth as a server in memory.

export interface TestControlPlane {
  app: App;
  database: TestDatabase;
  nats: TestNats;
  /** A connection that may touch everything. */
  bus: NatsConnection;
  auth: TestAuth;
  /** Calls as `ada`, a member of nothing at first, unless a call brings another token. */
  client: RpcClient;
  /** Signs tokens of the service auth. */
  authIdentity: ServiceIdentity;
  clock: { now: Date };
  openSecret(sealed: Uint8Array, context: string): string;
  /** As a gateway opens what is sealed to it. */
  openAsGateway(sealed: Uint8Array, context: string): string;
  /** TXT records by name; a fault instead of records is thrown. */
  dns: Map<string, string[] | Error>;
  bucket(name: string): Promise<KV>;
}

export interface TestOptions {
  /** False: the bus's address answers nobody. */
  busReachable?: boolean;
  /** Addresses that webhooks may have besides public ones. */
  webhookAllow?: readonly string[];
}

type Owner = { after(release: () => Promise<void>): unknown };

const MIGRATIONS = new URL("../../migrations", import.meta.url).pathname;
const SCHEMA = "control_plane";
const IDENTITY: BusIdentity = { service: "control-plane", id: "control-plane-1" };

export async function startControlPlane(owner: Owner, options: TestOptions = {}): Promise<TestControlPlane> {
  const closing: (() => Promise<void> | void)[] = [];
  // Hooks run in the order in which they are set: what uses the engines is closed before them.
  owner.after(async () => {
    for (const close of closing) await close();
  });
  const database = await testDatabase(owner, { schema: SCHEMA, migrations: MIGRATIONS });
  const log = createLogger("error", { service: "test" });
  log.level = "silent";
  const nats = await testNats(owner, { identities: [IDENTITY] });
  const auth = await startTestAuth();
  auth.addPerson("ada");
  auth.addPerson("eve");
  auth.addPerson("root", { operator: true });
  const services = { "control-plane": keyPair("ed25519"), auth: keyPair("ed25519") };
  const runner = keyPair("x25519");
  const gateway = keyPair("x25519");
  const dns = new Map<string, string[] | Error>();
  const clock = { now: new Date() };
  const identity = new ServiceIdentity("control-plane", services["control-plane"].privateKey);
  const identityClient = new IdentityClient({ address: `127.0.0.1:${auth.port}`, caFile: undefined, identity });
  const webhookAllow = (options.webhookAllow ?? []).map((range) => parseAllowedRange(range)!);
  const stop = new AbortController();
  const app = buildApp({
    log,
    sql: database.sql,
    schema: SCHEMA,
    bus: busConfig(nats, options),
    auth: identityClient,
    trust: new ServiceTrust("control-plane", JSON.stringify({ auth: services.auth.publicKey })),
    seal: (context, value) => sealToKey(runner.publicKey, Buffer.from(value), context),
    sealToGateways: (context, value) => sealToKey(gateway.publicKey, Buffer.from(value), context),
    lookUpTxt: async (name) => {
      const records = dns.get(name) ?? [];
      if (records instanceof Error) throw records;
      return records;
    },
    keyring: MasterKeyring.parse(randomBytes(32).toString("base64")),
    webhookGuard: new OutboundGuard({ allow: webhookAllow, busUrl: nats.url, setting: "MILLRACE_WEBHOOK_ALLOW" }),
    addresses: { region: "local-1", baseDomain: "localhost", gatewayPublicUrl: "http://127.0.0.1:8080" },
    clock: () => clock.now,
    random: Math.random,
    stopping: stop.signal,
  });
  const port = await app.rpc.listen("127.0.0.1", 0);
  app.link.start();
  const client = new RpcClient({ address: `127.0.0.1:${port}`, token: () => "ada" });
  const bus = await connectBus({ url: nats.url, seed: nats.seed, identity: { service: "gateway", id: "test" } }, log);
  closing.push(
    () => stop.abort(),
    () => client.close(),
    () => app.rpc.close(),
    () => app.link.close(),
    () => identityClient.close(),
    () => auth.close(),
    () => bus.close(),
  );
  if (options.busReachable !== false) await until(() => app.link.open, { timeoutMs: 10_000 });
  return {
    app,
    database,
    nats,
    bus,
    auth,
    client,
    authIdentity: new ServiceIdentity("auth", services.auth.privateKey),
    clock,
    dns,
    openAsGateway: (sealed, context) => openWithKey(gateway.privateKey, sealed, context).toString(),
    openSecret: (sealed, context) => openWithKey(runner.privateKey, sealed, context).toString(),
    bucket: (name) => new Kvm(bus).open(name),
  };
}

function busConfig(nats: TestNats, { busReachable = true }: TestOptions): BusConfig {
  const url = busReachable ? nats.url : "nats://127.0.0.1:1";
  return { url, seed: nats.seedOf(IDENTITY), identity: IDENTITY };
}

function keyPair(type: "ed25519" | "x25519"): { publicKey: string; privateKey: string } {
  const encodings = {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  } as const;
  return type === "ed25519" ? generateKeyPairSync("ed25519", encodings) : generateKeyPairSync("x25519", encodings);
}
