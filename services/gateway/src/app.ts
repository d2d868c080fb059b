import type { KeyObject } from "node:crypto";
import { once } from "node:events";
import { type BucketHandler, guarded, publishKept, SUBJECTS } from "@millrace/bus";
import type { Beat } from "@millrace/proto/invocation/v1/invocation";
import { type Telemetry, USAGE_LIMITS as TOLD_LIMITS } from "@millrace/telemetry";
import type { Redis } from "ioredis";
import { AccessService } from "./access/access-service.ts";
import type { KeyDeriver } from "./access/auth-client.ts";
import { DerivedKeys } from "./access/derived-keys.ts";
import { DerivedKeysRenewal } from "./access/derived-keys-renewal.ts";
import { Grants } from "./access/grants.ts";
import { NoncesStore } from "./access/nonces-store.ts";
import { SignatureAccess } from "./access/signature-access.ts";
import { BackendSigner } from "./backends/backend-signer.ts";
import { HttpBackends } from "./backends/http-backends.ts";
import type { Connector } from "./backends/origins.ts";
import { Dispatcher } from "./dispatching/dispatcher.ts";
import { type BusConnection, FramesBus } from "./dispatching/frames-bus.ts";
import { Certificates } from "./domains/certificates.ts";
import { type CertificateFiles, DefaultCertificate } from "./domains/default-certificate.ts";
import { Domains } from "./domains/domains.ts";
import { ServerNames } from "./domains/server-names.ts";
import { GatewayHttp, type GatewayHttpOptions, type HttpsOptions } from "./edge/gateway-http.ts";
import { BodyBudget } from "./edge/request-body.ts";
import { RequestService } from "./edge/request-service.ts";
import { AccessLog, type TextOutput } from "./observing/access-log.ts";
import { createMetrics } from "./observing/gateway-metrics.ts";
import { observeExchange } from "./observing/observe-exchange.ts";
import { unparsedEventOf } from "./observing/request-event.ts";
import { RequestEvents } from "./observing/request-events.ts";
import { registerTlsMetrics } from "./observing/tls-metrics.ts";
import { Traces } from "./observing/traces.ts";
import { Usage } from "./observing/usage.ts";
import { registerUsageMetrics } from "./observing/usage-metrics.ts";
import { BucketsBus } from "./releases/buckets-bus.ts";
import { Deployments } from "./releases/deployments.ts";
import { Functions } from "./releases/functions.ts";
import { ServedBus } from "./releases/served-bus.ts";

export interface GatewayDependencies {
  gatewayId: string;
  region: string;
  baseDomain: string;
  http: Pick<GatewayHttpOptions, "host" | "port" | "shared">;
  /** The same over TLS; without it custom hosts are served in the clear only. */
  https?: HttpsSettings | undefined;
  log: Record<"debug" | "info" | "warn" | "error", (fields: object, message: string) => void>;
  bus: BusConnection;
  redis: Redis;
  deriver: Pick<KeyDeriver, "derive">;
  /** Connects to http backends, where they may be. */
  connector: Connector;
  meter: Telemetry["meter"];
  addHistogram: Telemetry["addHistogram"];
  /** Where spans go, and the part of the requests that are traced without being asked to. */
  spans: Telemetry["spans"];
  tracesSampleRatio: number;
  requestsTold: boolean;
  /** Where the access log goes. */
  output: TextOutput;
  /** The wall clock, against which signatures are dated. */
  wallClockMs: () => number;
  /** Milliseconds that only rise, for deadlines. */
  steadyClockMs: () => number;
  random: () => number;
}

export interface HttpsSettings extends Omit<HttpsOptions, "certificates"> {
  /** The gateways' own key, to which private keys of custom hosts are sealed. */
  privateKey: KeyObject;
  /** Of the platform's own hosts. */
  platformCertificate?: CertificateFiles | undefined;
}

export type GatewayApp = ReturnType<typeof buildApp>;

/** Puts the gateway together. Nothing runs until `start`. */
export function buildApp(deps: GatewayDependencies) {
  const { log, region, random } = deps;
  const deployments = new Deployments(region, log, deps.steadyClockMs);
  const domains = new Domains();
  const certificates = deps.https && serverNamesOf(deps.https, domains, log);
  const functions = new Functions(random);
  const grants = new Grants();

  const frames = new FramesBus(deps.bus, deps.gatewayId);
  const dispatcher = new Dispatcher({
    wire: frames,
    isConnected: () => frames.connected,
    echo: () => frames.echo(),
    nowMs: deps.steadyClockMs,
    random,
    log,
  });

  const keys = new DerivedKeys({ deriver: deps.deriver, nowMs: deps.wallClockMs });
  const renewal = new DerivedKeysRenewal({
    keys,
    grants: () => [...grants.signingGrants(), ...deployments.signingGrants(grants)],
    region,
    nowMs: deps.wallClockMs,
    random,
    log,
  });
  const signatures = new SignatureAccess({
    grants,
    keys,
    nonces: new NoncesStore(deps.redis),
    region,
    nowMs: deps.wallClockMs,
    onUnchecked: () => metrics.countUncheckedNonce(),
  });

  const backends = new HttpBackends({
    connector: deps.connector,
    signer: new BackendSigner({ keys, grants, region, nowMs: deps.wallClockMs }),
    nowMs: deps.steadyClockMs,
    log,
  });
  const traces = new Traces({ spans: deps.spans, ratio: deps.tracesSampleRatio, nowMs: deps.steadyClockMs, random });
  const bodies = new BodyBudget();
  const requests = new RequestService({
    domain: deps,
    deployments,
    domains,
    functions,
    access: new AccessService(grants, signatures),
    dispatcher,
    backends,
    bodies,
    traces,
  });
  const served = new ServedBus(deps.bus, deployments, (bytes) => {
    frames.publish(SUBJECTS.served(deps.gatewayId), bytes);
  });
  const accessLog = new AccessLog(deps.output, { service: "gateway", gateway: deps.gatewayId });
  const events = new RequestEvents(
    (bytes) => frames.publish(SUBJECTS.requests(deps.gatewayId), bytes),
    deps.steadyClockMs,
  );
  const usage = new Usage({
    nowMs: deps.wallClockMs,
    publish: (bytes) => publishKept(deps.bus, SUBJECTS.usage("gateway", deps.gatewayId), bytes, TOLD_LIMITS.takenMs),
    log,
  });
  const http: GatewayHttp = new GatewayHttp({
    ...deps.http,
    https: deps.https && certificates && { ...deps.https, certificates },
    serve: (exchange) => requests.serve(exchange),
    onUnparsed: (refusal, requestId, sourceIp) => {
      metrics.countUnparsed(refusal);
      events.add("unrouted", "", () => unparsedEventOf(refusal, requestId, sourceIp));
    },
    onEnd: deps.requestsTold ? (exchange) => observeExchange(exchange, observers) : () => {},
    log,
  });
  const gauges = {
    backendCalls: () => backends.origins.calls,
    backendOrigins: () => backends.origins.count,
    openCircuits: () => backends.origins.openCircuits,
    openCalls: () => dispatcher.openCalls,
    waitingCalls: () => dispatcher.waitingCalls,
    runners: () => dispatcher.runners.count,
    deployments: () => deployments.count,
    derivedKeys: () => keys.count,
    heldBodyBytes: () => bodies.heldBytes,
    inFlight: () => http.inFlight,
  };
  const counts = {
    foreignFrames: () => dispatcher.foreignFrames,
    droppedEvents: () => events.dropped,
    droppedLogLines: () => accessLog.droppedLines,
  };
  const metrics = createMetrics(deps, gauges, counts);

  const observers = { log: accessLog, events, metrics, usage, traces };
  registerUsageMetrics(deps, usage);
  if (deps.https) registerTlsMetrics(deps, http);

  let buckets: BucketsBus | null = null;
  let wasReady = false;

  return {
    http,
    deployments,
    domains,
    certificates,
    functions,
    grants,
    keys,
    dispatcher,
    backends,
    /**
     * Begins to follow the bus, and to serve once everything released is known: a caller that comes sooner would be told that there is
     * no deployment. Gives up when `stopping` aborts.
     */
    async start(stopping?: AbortSignal): Promise<void> {
      frames.listen({
        onFrames: guarded((runnerId: string, message: Buffer) => dispatcher.receive(runnerId, message), log),
        onBeat: guarded((runnerId: string, beat: Beat) => dispatcher.onBeat(runnerId, beat), log),
      });
      served.start();
      buckets = new BucketsBus(deps.bus, { releases: releasesOf(deployments, domains), functions, grants }, log);
      grants.onChange = () => renewal.wake();
      renewal.start();
      dispatcher.start();
      usage.start();
      await Promise.race([buckets.read, ...(stopping ? [aborted(stopping)] : [])]);
      if (!stopping?.aborted) await http.listen();
    },
    /**
     * Ready once the buckets were read over a live connection, and from then on: without NATS mocks go on, and a balancer that took all
     * gateways away would stop those too.
     */
    readiness() {
      const caughtUp = buckets?.caughtUp ?? false;
      wasReady ||= caughtUp && frames.connected;
      const facts = { bucketsRead: caughtUp, natsConnected: frames.connected, redis: deps.redis.status };
      const counts = { runners: dispatcher.runners.count, deployments: deployments.count, domains: domains.count };
      return { ready: wasReady, ...facts, ...counts };
    },
    /** Leaves the shared port; from then on every answer closes its connection. */
    beginDrain: () => http.beginDrain(),
    drain: () => http.drain(),
    async close(): Promise<void> {
      http.close();
      backends.close();
      dispatcher.close();
      renewal.close();
      served.close();
      buckets?.close();
      accessLog.flush();
      events.close();
      await usage.close();
    },
  };
}

function serverNamesOf(
  { privateKey, platformCertificate }: HttpsSettings,
  domains: Domains,
  log: GatewayDependencies["log"],
): ServerNames {
  const platform = platformCertificate && new DefaultCertificate(platformCertificate, log);
  return new ServerNames(new Certificates(domains, privateKey, log), platform);
}

/** The bucket `releases` holds deployments, and the custom hosts that lead to them. */
function releasesOf(deployments: Deployments, domains: Domains): BucketHandler {
  const handlerOf = (key: string) => (domains.isKey(key) ? domains : deployments);
  return {
    onPut: (key, value) => handlerOf(key).onPut(key, value),
    onDelete: (key) => handlerOf(key).onDelete(key),
  };
}

function aborted(signal: AbortSignal): Promise<unknown> {
  return signal.aborted ? Promise.resolve() : once(signal, "abort");
}
