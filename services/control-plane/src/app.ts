import { AuditLog, auditHandlers } from "@millrace/audit";
import type { BusConfig } from "@millrace/bus";
import type { OutboundGuard } from "@millrace/outbound";
import { OutboxLag } from "@millrace/projection";
import { AdminServiceService } from "@millrace/proto/control/v1/admin";
import { AlarmServiceService } from "@millrace/proto/control/v1/alarms";
import { ApiServiceService } from "@millrace/proto/control/v1/apis";
import { AuditServiceService } from "@millrace/proto/control/v1/audit";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { DomainServiceService } from "@millrace/proto/control/v1/domains";
import { FunctionTestServiceService } from "@millrace/proto/control/v1/function_tests";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { DeploymentLookupServiceService } from "@millrace/proto/control/v1/internal";
import { LogServiceService } from "@millrace/proto/control/v1/logs";
import { MetricServiceService } from "@millrace/proto/control/v1/metrics";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { RequestServiceService } from "@millrace/proto/control/v1/requests";
import { RpcServer, type RpcServerOptions, type ServiceTrust } from "@millrace/rpc";
import type { MasterKeyring } from "@millrace/sealing";
import { forgetRequests, query, type Sql } from "@millrace/sql";
import type { Logger } from "@millrace/telemetry";
import { ACCESS, READS } from "./access.ts";
import { adminHandlers } from "./admin/admin-rpc.ts";
import { AdminService, type Grants } from "./admin/admin-service.ts";
import { RunnerBeats } from "./admin/runner-beats-bus.ts";
import { forgetAlarmEvents } from "./alarms/alarm-event-store.ts";
import type { AlarmFacts } from "./alarms/alarm-metrics.ts";
import { alarmHandlers } from "./alarms/alarm-rpc.ts";
import { AlarmService } from "./alarms/alarm-service.ts";
import { Deliverer } from "./alarms/deliverer.ts";
import { Evaluator } from "./alarms/evaluator.ts";
import { WebhookClient } from "./alarms/webhook-client.ts";
import { apiHandlers } from "./apis/api-rpc.ts";
import { ApiService } from "./apis/api-service.ts";
import { SchemaChecker } from "./apis/schema-checker.ts";
import type { AccessKeys } from "./apis/signing-key.ts";
import { BusLink } from "./bus/bus-link.ts";
import type { Addresses } from "./deployments/deployment.ts";
import { deploymentLookupHandlers } from "./deployments/deployment-lookup-rpc.ts";
import { deploymentHandlers } from "./deployments/deployment-rpc.ts";
import { DeploymentService } from "./deployments/deployment-service.ts";
import { domainHandlers } from "./domains/domain-rpc.ts";
import { DomainService } from "./domains/domain-service.ts";
import { tellLossBy } from "./domains/loss.ts";
import type { TxtLookup } from "./domains/txt-lookup.ts";
import type { registerEventMetrics } from "./events/event-metrics.ts";
import { PartitionStore } from "./events/partition-store.ts";
import { RequestReader } from "./events/request-bus.ts";
import { requestHandlers } from "./events/request-rpc.ts";
import { RequestService } from "./events/request-service.ts";
import { StreamConsumer } from "./events/stream-bus.ts";
import { Tails } from "./events/tails.ts";
import { aliasHandlers } from "./functions/alias-rpc.ts";
import { AliasService } from "./functions/alias-service.ts";
import { functionHandlers } from "./functions/function-rpc.ts";
import { FunctionService, type Seal } from "./functions/function-service.ts";
import { SecretService } from "./functions/secret-service.ts";
import { useHandlers } from "./functions/use-rpc.ts";
import { UseService } from "./functions/use-service.ts";
import { versionHandlers } from "./functions/version-rpc.ts";
import { VersionService } from "./functions/version-service.ts";
import { VersionSweeper } from "./functions/version-sweeper.ts";
import { groupHandlers } from "./groups/group-rpc.ts";
import { type GroupAuthorizations, GroupService } from "./groups/group-service.ts";
import { Authenticator, type PersonSource } from "./identity/authenticator.ts";
import { LIMITS } from "./limits.ts";
import { LogReader } from "./logs/log-bus.ts";
import { logHandlers } from "./logs/log-rpc.ts";
import { LogService } from "./logs/log-service.ts";
import { metricHandlers } from "./metrics/metric-rpc.ts";
import { MetricService } from "./metrics/metric-service.ts";
import { UsageRollUp } from "./metrics/roll-up.ts";
import { UsageReader } from "./metrics/usage-bus.ts";
import { dropOldUsage } from "./metrics/usage-retention.ts";
import { ExportService } from "./openapi/export-service.ts";
import { ImportService } from "./openapi/import-service.ts";
import { Projection } from "./projecting/projection.ts";
import { SnapshotSweeper } from "./projecting/snapshot-sweeper.ts";
import { projectHandlers } from "./projects/project-rpc.ts";
import { type Members, ProjectService } from "./projects/project-service.ts";
import { findProjectMadeAt } from "./projects/project-store.ts";
import { Gateways } from "./releases/gateways-bus.ts";
import { PropagationService } from "./releases/propagation-service.ts";
import { releaseHandlers } from "./releases/release-rpc.ts";
import { ReleaseService } from "./releases/release-service.ts";
import { revisionHandlers } from "./revisions/revision-rpc.ts";
import { RevisionService } from "./revisions/revision-service.ts";
import { invokeHandlers } from "./trying/invoke-rpc.ts";
import { InvokeService } from "./trying/invoke-service.ts";
import { testEventHandlers } from "./trying/test-event-rpc.ts";
import { TestEventService } from "./trying/test-event-service.ts";
import { TrialBus } from "./trying/trial-bus.ts";
import { Periodic } from "./upkeep/periodic.ts";
import { ArtifactBus } from "./uploads/artifact-bus.ts";
import { BuildBus } from "./uploads/build-bus.ts";
import { uploadHandlers } from "./uploads/upload-rpc.ts";
import { UploadService } from "./uploads/upload-service.ts";

/** What control-plane asks of auth. */
export type Auth = PersonSource & Members & GroupAuthorizations & AccessKeys & Grants;

export interface Deps {
  log: Logger;
  sql: Sql;
  schema: string;
  bus: BusConfig;
  auth: Auth;
  trust: Pick<ServiceTrust, "verify">;
  seal: Seal;
  /** To the gateways. */
  sealToGateways: Seal;
  lookUpTxt: TxtLookup;
  /** What control-plane seals for itself. */
  keyring: MasterKeyring;
  /** Where webhooks may be. */
  webhookGuard: OutboundGuard;
  addresses: Addresses;
  clock: () => Date;
  /** From 0 to below 1. */
  random: () => number;
  /** Streams that would go on end when it aborts. */
  stopping: AbortSignal;
  tls?: RpcServerOptions["tls"];
  onCallEnd?: RpcServerOptions["onEnd"];
}

export interface App {
  rpc: RpcServer;
  link: BusLink;
  /** How far the bus is behind the database. */
  outboxLag: OutboxLag;
  sweepSnapshots(): Promise<void>;
  sweepVersions(): Promise<void>;
  sweepArtifacts(): Promise<void>;
  turnPartitions(): Promise<void>;
  /** Sums what was counted by hours and days. */
  turnUsage(): Promise<void>;
  dropOldUsage(): Promise<void>;
  /** Once before anything is served, too. */
  keepAuditPartitions(): Promise<void>;
  /** Repeats the upkeep above until closed. */
  startUpkeep(): { close(): Promise<void> };
  /** Begins to evaluate the alarms that are due. */
  evaluateAlarms(): Promise<void>;
  /** Begins the deliveries that are due. */
  deliverAlarms(): Promise<void>;
  forgetAlarmEvents(): Promise<void>;
  alarms: AlarmFacts;
  eventReaders: Parameters<typeof registerEventMetrics>[1];
}

/** Puts the service together; opens nothing. */
export function buildApp(deps: Deps): App {
  const { log, sql, schema, auth, clock, addresses } = deps;
  const authenticator = new Authenticator({ trust: deps.trust, people: auth, clock });
  const beats = new RunnerBeats({ clock, log });
  const gateways = new Gateways({ clock, log });
  const outboxLag = new OutboxLag();
  const publishArtifact = (digest: string) => artifacts.publish(digest);
  const projection = new Projection({ sql, schema, log, publishArtifact, lag: outboxLag });
  const partitions = new PartitionStore(sql);
  const eventReaders = [new LogReader({ sql, log, partitions }), new RequestReader({ sql, log, partitions })];
  const consumers = [...eventReaders, new UsageReader({ sql, log })].map((reader) => new StreamConsumer(reader, log));
  const link = new BusLink(deps.bus, log, [projection, beats, gateways, ...consumers]);
  const artifacts = new ArtifactBus({ sql, link, clock });

  const deployments = new DeploymentService({ sql });
  const tails = new Tails(deps.stopping);
  const schemas = new SchemaChecker();
  const evaluator = new Evaluator(deps);
  const deliverer = new Deliverer({ ...deps, webhooks: new WebhookClient(deps.webhookGuard) });
  const audit = new AuditLog({ sql, reads: READS, log });
  const rpc = new RpcServer({
    access: ACCESS,
    authenticate: (token) => authenticator.authenticate(token),
    forwarders: deps.trust,
    recorder: audit,
    onEnd: deps.onCallEnd,
    log,
    tls: deps.tls,
  })
    .add(
      ProjectServiceService,
      projectHandlers(new ProjectService({ sql, members: auth, onMemberChange: (name) => authenticator.forget(name) })),
    )
    .add(FunctionServiceService, {
      ...functionHandlers(new FunctionService({ sql, seal: deps.seal }), new SecretService({ sql, seal: deps.seal })),
      ...useHandlers(new UseService({ sql })),
      ...uploadHandlers(new UploadService({ sql, builder: new BuildBus(link), artifacts, clock })),
      ...versionHandlers(new VersionService({ sql })),
      ...aliasHandlers(new AliasService({ sql })),
    })
    .add(FunctionTestServiceService, {
      ...testEventHandlers(new TestEventService({ sql })),
      ...invokeHandlers(
        new InvokeService({ sql, trier: new TrialBus(link), region: addresses.region, random: Math.random }),
      ),
    })
    .add(GroupServiceService, {
      ...groupHandlers(new GroupService({ sql, authorizations: auth })),
      ...revisionHandlers(new RevisionService({ sql })),
    })
    .add(
      ApiServiceService,
      apiHandlers(
        new ApiService({ sql, schemas, keys: auth }),
        new ImportService({ sql, schemas, keys: auth }),
        new ExportService({ sql, addresses }),
      ),
    )
    .add(DeploymentServiceService, {
      ...deploymentHandlers(deployments, addresses),
      ...releaseHandlers(new ReleaseService({ sql, keys: auth }), new PropagationService({ sql, link, gateways })),
    })
    .add(DeploymentLookupServiceService, deploymentLookupHandlers(deployments))
    .add(MetricServiceService, metricHandlers(new MetricService({ sql }), clock))
    .add(LogServiceService, logHandlers(new LogService({ sql, clock, tails })))
    .add(RequestServiceService, requestHandlers(new RequestService({ sql, clock, tails })))
    .add(AlarmServiceService, alarmHandlers(new AlarmService({ sql, keyring: deps.keyring, deliverer, clock })))
    .add(
      DomainServiceService,
      domainHandlers(new DomainService({ ...deps, seal: deps.sealToGateways, tellLoss: tellLossBy(audit) }), clock),
    )
    .add(
      AuditServiceService,
      auditHandlers(audit, (project) => query(() => findProjectMadeAt(sql, project))),
    )
    .add(AdminServiceService, adminHandlers(new AdminService({ sql, link, projection, grants: auth, beats })));

  const rollUp = new UsageRollUp({ sql, log });
  const sweeper = new SnapshotSweeper({ sql, link, clock, log });
  const versions = new VersionSweeper({ sql });
  const upkeep = {
    sweepSnapshots: () => sweeper.sweep(),
    sweepVersions: () => versions.sweep(),
    sweepArtifacts: () => artifacts.sweep(),
    turnPartitions: () => partitions.turn(clock()),
    keepAuditPartitions: () => audit.keepPartitions(),
    forgetAlarmEvents: async () => {
      const before = new Date(clock().getTime() - LIMITS.alarm.eventsKeptMs);
      const limit = LIMITS.alarm.eventsForgottenAtOnce;
      while ((await query(() => forgetAlarmEvents(sql, { before, limit }))) === limit);
    },
    turnUsage: () => rollUp.turn(),
    dropOldUsage: () => dropOldUsage(sql, clock()),
    forgetRequests: async () => void (await query(() => forgetRequests(sql, clock()))),
  };
  const rounds = { evaluateAlarms: () => evaluator.round(), deliverAlarms: () => deliverer.round() };
  const startUpkeep = () => {
    const every = (intervalMs: number, works: Record<string, () => Promise<void>>) =>
      Object.entries(works).map(([name, work]) => new Periodic(name, intervalMs, work, log));
    const turns = [...every(LIMITS.upkeepIntervalMs, upkeep), ...every(LIMITS.alarm.roundMs, rounds)];
    return {
      async close() {
        await Promise.all(turns.map((turn) => turn.close()));
        await Promise.all([evaluator.settled(), deliverer.settled()]);
      },
    };
  };
  return { rpc, link, outboxLag, ...upkeep, ...rounds, alarms: { evaluator, deliverer }, eventReaders, startUpkeep };
}
