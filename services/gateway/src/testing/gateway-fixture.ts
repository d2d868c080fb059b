import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { connectBus, digestOf, ensureBus, KEYS, openBucket, packRecord } from "@millrace/bus";
import { OutboundGuard, type OutboundGuardOptions } from "@millrace/outbound";
import type { SigningScope } from "@millrace/proto/auth/v1/internal";
import { DomainRecord } from "@millrace/proto/release/v1/domain";
import {
  AccessKeyRecord,
  AliasRecord,
  AuthorizationRecord,
  DeploymentRecord,
  DeploymentSnapshot,
  FunctionVersionRecord,
  SubscriptionKeyRecord,
} from "@millrace/proto/release/v1/release";
import { sealToKey } from "@millrace/sealing";
import { deriveKey, type Profile, profileOf, sign } from "@millrace/signing";
import { startTelemetry } from "@millrace/telemetry";
import type { FinishedSpan } from "@millrace/telemetry/tracing";
import { testNats, testRedis, until } from "@millrace/testing";
import type { DerivedKey } from "../access/auth-client.ts";
import { connectRedis } from "../access/redis-connection.ts";
import { buildApp } from "../app.ts";
import type { CertificateFiles } from "../domains/default-certificate.ts";
import { FakeRunner, type FakeRunnerOptions } from "./fake-runner.ts";

// A gateway on NATS and Redis of its own, with what control-plane and auth would have projected, and runners that do what a test says.

export const REGION = "local-1";
export const LABEL = "abcdefghijkl";
export const HOST = `${LABEL}.${REGION}.localhost`;
const GATEWAY = { service: "gateway", id: "gateway-1" } as const;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const telemetry = startTelemetry("gateway", {});

type Owner = { after(release: () => Promise<void>): unknown };
type RouteFields = Parameters<typeof DeploymentSnapshot.fromPartial>[0]["routes"];

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body as a problem. */
  problem: Record<string, unknown> & { reason: string; detail: string; component: string; requestId: string };
}

export interface Ask {
  method?: string;
  path?: string;
  host?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}

export interface FixtureOptions {
  /** Ids of runners that may be started. */
  runners?: readonly string[];
  /** What http backends may be. */
  outbound?: Partial<OutboundGuardOptions>;
  /** Listens for TLS too; with a certificate for the platform's own hosts, from files. */
  https?: { platformCertificate?: CertificateFiles; handshakeTimeoutMs?: number };
}

/** A function route `GET|POST /hello` on `fn-hello@1`, and whatever a test adds. */
export const HELLO = { functionUid: "fn-hello", target: { $case: "version" as const, value: 1 }, eventFormat: "jd" };

export async function startGateway(owner: Owner, options: FixtureOptions = {}) {
  const { runners = ["runner-1"] } = options;
  const runnerIdentities = runners.map((id) => ({ service: "function-runner", id }) as const);
  const nats = await testNats(owner, { identities: [GATEWAY, ...runnerIdentities] });
  const redis = await testRedis(owner);
  const admin = await connectBus(
    { url: nats.url, seed: nats.seed, identity: { service: "control-plane", id: "test" } },
    silent,
  );
  owner.after(() => admin.close());
  await ensureBus(admin);
  const [releases, functions, grants] = await Promise.all([
    openBucket(admin, "releases"),
    openBucket(admin, "functions"),
    openBucket(admin, "grants"),
  ]);

  const bus = await connectBus({ url: nats.url, seed: nats.seedOf(GATEWAY), identity: GATEWAY }, silent);
  owner.after(() => bus.close());
  const redisConnection = connectRedis(redis.url, silent);
  owner.after(async () => redisConnection.disconnect());
  const auth = {
    secrets: new Map<string, string>(),
    available: true,
    calls: 0,
    /** Settles when auth is to answer. */
    answers: Promise.resolve(),
  };
  const clock = { offsetMs: 0 };
  const lines: Record<string, unknown>[] = [];
  const spans: FinishedSpan[] = [];
  const outbound = new OutboundGuard({ busUrl: nats.url, setting: "a setting", allow: [], ...options.outbound });
  const gatewayKey = generateKeyPairSync("x25519");
  const app = buildApp({
    gatewayId: GATEWAY.id,
    region: REGION,
    baseDomain: "localhost",
    http: { host: "127.0.0.1", port: 0 },
    https: options.https && { ...options.https, host: "127.0.0.1", port: 0, privateKey: gatewayKey.privateKey },
    log: silent,
    bus,
    redis: redisConnection,
    connector: (signal) => outbound.connector(signal),
    deriver: { derive: async (scopes) => deriveFrom(auth, scopes) },
    meter: telemetry.meter,
    addHistogram: telemetry.addHistogram,
    spans: { add: (more) => spans.push(...more) },
    tracesSampleRatio: 0,
    requestsTold: true,
    output: {
      writableLength: 0,
      write: (text: string) =>
        lines.push(
          ...text
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line)),
        ),
    },
    wallClockMs: () => Date.now() + clock.offsetMs,
    steadyClockMs: () => performance.now(),
    random: Math.random,
  });
  await app.start();
  owner.after(async () => app.close());
  await until(() => app.readiness().ready && redisConnection.status === "ready");

  const sealed = (host: string, { certificate, privateKey }: { certificate: string; privateKey: string }) => {
    const fingerprint = digestOf(new X509Certificate(certificate).raw);
    const publicKey = gatewayKey.publicKey.export({ type: "spki", format: "pem" }).toString();
    const sealedKey = sealToKey(publicKey, Buffer.from(privateKey), `domain-key|${host}|${fingerprint}`);
    return { chainPem: certificate, fingerprint, sealedKey };
  };
  let generation = 0;
  let plantedKeys = 0;
  const port = app.http.port;

  return {
    app,
    nats,
    redis,
    auth,
    clock,
    /** The access log so far, and all that was exported. */
    lines,
    spans,
    port,
    put: { releases, functions, grants },

    async startRunner(options: Partial<FakeRunnerOptions> = {}): Promise<FakeRunner> {
      const id = options.id ?? "runner-1";
      const identity = { service: "function-runner", id } as const;
      const runner = await FakeRunner.start({ url: nats.url, seed: nats.seedOf(identity), id, ...options });
      owner.after(() => runner.die());
      await until(() => app.dispatcher.runners.get(id)?.sequence !== undefined);
      return runner;
    },

    /** Releases routes to a deployment and waits until this gateway serves them. */
    async release(
      routes: NonNullable<RouteFields>,
      record: Partial<DeploymentRecord> = {},
      fields: Parameters<typeof DeploymentSnapshot.fromPartial>[0] = {},
    ): Promise<void> {
      const general = { groupName: "g", revision: "0.0.1", ownerPin: "cA==" };
      const snapshot = DeploymentSnapshot.fromPartial({ ...general, routes, ...fields });
      const bytes = DeploymentSnapshot.encode(snapshot).finish();
      const digest = digestOf(bytes);
      await releases.put(KEYS.snapshotPart(digest, 0), packRecord(bytes));
      generation++;
      const whole = DeploymentRecord.fromPartial({
        deployment: "projects/p/groups/g/deployments/online",
        hostLabel: LABEL,
        environment: "online",
        state: 1,
        access: 1,
        release: generation,
        generation,
        snapshotDigest: digest,
        snapshotParts: 1,
        ...record,
      });
      await releases.put(KEYS.deployment(whole.hostLabel), packRecord(DeploymentRecord.encode(whole).finish()));
      await until(() => app.deployments.get(whole.hostLabel)?.generation === generation);
    },

    /** A custom host that its project has proved; with a certificate it is served over TLS too. */
    async putDomain(
      host: string,
      hostLabel: string,
      pair?: { certificate: string; privateKey: string },
    ): Promise<void> {
      const record = DomainRecord.fromPartial({ host, hostLabel, certificate: pair && sealed(host, pair) });
      await releases.put(KEYS.domain(host), packRecord(DomainRecord.encode(record).finish()));
      await until(() => {
        const known = app.domains.get(host);
        return known?.hostLabel === hostLabel && known.certificate?.fingerprint === record.certificate?.fingerprint;
      });
    },

    async putVersion(fields: Partial<FunctionVersionRecord> = {}): Promise<void> {
      const record = FunctionVersionRecord.fromPartial({
        functionUid: "fn-hello",
        version: 1,
        timeoutMs: 5_000,
        ...fields,
      });
      await functions.put(
        KEYS.functionVersion(record.functionUid, record.version),
        packRecord(FunctionVersionRecord.encode(record).finish()),
      );
      const target = { version: record.version };
      await until(() =>
        app.functions.resolve({ kind: "function", functionUid: record.functionUid, target, constants: "" }),
      );
    },

    async putAlias(fields: Partial<AliasRecord>): Promise<void> {
      const record = AliasRecord.fromPartial({ functionUid: "fn-hello", alias: "live", ...fields });
      await functions.put(
        KEYS.alias(record.functionUid, record.alias),
        packRecord(AliasRecord.encode(record).finish()),
      );
    },

    /** A new access key whose secret auth holds. */
    async addAccessKey(disabled = false): Promise<{ keyId: string; secret: string }> {
      const keyId = `AK${String(++plantedKeys).padStart(10, "0")}`;
      const secret = `secret-of-${keyId}`;
      auth.secrets.set(keyId, secret);
      const record = AccessKeyRecord.fromPartial({ keyId, project: "callers", disabled });
      await grants.put(KEYS.accessKey(keyId), packRecord(AccessKeyRecord.encode(record).finish()));
      await until(() => app.grants.accessKey(keyId));
      return { keyId, secret };
    },

    async addSubscriptionKey(key: string, disabled = false): Promise<string> {
      const keyId = `SK${String(++plantedKeys).padStart(10, "0")}`;
      const record = SubscriptionKeyRecord.fromPartial({ keyId, project: "callers", disabled });
      const hash = digestOf(Buffer.from(key));
      await grants.put(KEYS.subscriptionKey(hash), packRecord(SubscriptionKeyRecord.encode(record).finish()));
      await until(() => app.grants.subscriptionKey(hash));
      return keyId;
    },

    async authorize(keyId: string, hostLabel = LABEL): Promise<void> {
      const record = AuthorizationRecord.fromPartial({ hostLabel, keyId });
      await grants.put(KEYS.authorization(hostLabel, keyId), packRecord(AuthorizationRecord.encode(record).finish()));
      await until(() => app.grants.isAuthorized(hostLabel, keyId));
    },

    ask: (ask: Ask = {}) => askGateway(port, ask),
    sendRaw: (text: string | Buffer, timeoutMs?: number) => sendRaw(port, text, timeoutMs),
  };
}

export type GatewayFixture = Awaited<ReturnType<typeof startGateway>>;

async function deriveFrom(
  auth: { secrets: Map<string, string>; available: boolean; calls: number; answers: Promise<void> },
  scopes: readonly SigningScope[],
): Promise<DerivedKey[]> {
  auth.calls++;
  await auth.answers;
  if (!auth.available) throw new Error("auth is away");
  return scopes.flatMap((scope) => {
    const secret = auth.secrets.get(scope.keyId);
    return secret === undefined ? [] : [{ scope, key: deriveKey(profileOf(scope.algorithm)!, secret, scope) }];
  });
}

function askGateway(
  port: number,
  { method = "GET", path = "/hello", host = HOST, headers = {}, body }: Ask,
): Promise<Answer> {
  // Node frames the body of a GET only when it is told its length.
  const framing = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const asked = httpRequest(
      { port, host: "127.0.0.1", method, path, headers: { host, ...framing, ...headers }, agent: false },
      (response) => {
        const pieces: Buffer[] = [];
        response
          .on("data", (piece: Buffer) => pieces.push(piece))
          .on("error", reject)
          .on("end", () => resolve(answerOf(response.statusCode!, response.headers, Buffer.concat(pieces).toString())));
      },
    );
    asked.on("error", reject).end(body);
  });
}

function answerOf(status: number, headers: IncomingHttpHeaders, body: string): Answer {
  const isProblem = headers["content-type"] === "application/problem+json";
  return { status, headers, body, problem: isProblem && body !== "" ? JSON.parse(body) : {} };
}

/** Sends bytes as they are and answers all that came back until the connection ended. */
function sendRaw(port: number, text: string | Buffer, timeoutMs = 10_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const timer = setTimeout(
      () => socket.destroy(new Error(`the connection was still open after ${timeoutMs} ms`)),
      timeoutMs,
    );
    let received = "";
    socket
      .setEncoding("latin1")
      .on("data", (piece) => {
        received += piece;
      })
      .on("error", reject)
      .on("close", () => {
        clearTimeout(timer);
        resolve(received);
      });
    socket.write(text);
  });
}

/** Signs a request as a client would; the answer is the headers to send, to be tampered with. */
export function signedHeaders(
  profile: Profile,
  key: { keyId: string; secret: string },
  { method = "GET", path = "/hello", host = HOST, headers = {}, body }: Ask,
  over: { service?: string; region?: string; now?: Date; nonce?: string } = {},
): Record<string, string> {
  const signed = sign(profile, {
    method,
    url: `http://${host}${path}`,
    headers: Object.entries(headers as Record<string, string>),
    ...(body !== undefined && { body }),
    ...key,
    region: REGION,
    service: LABEL,
    ...over,
  });
  return { ...(headers as Record<string, string>), ...signed };
}
