import { PlatformError } from "@millrace/errors";
import type { Environment } from "@millrace/names";
import { checkEtag, etagOf, noteCall } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import { listRoutes } from "../apis/api-store.ts";
import { type BackendDraft, readBackend } from "../apis/backend-draft.ts";
import { type ApiDifference, differencesOf } from "../apis/difference.ts";
import { type AccessKeys, checkSigningKeys } from "../apis/signing-key.ts";
import { checkReleased, type Deployment } from "../deployments/deployment.ts";
import type { DeploymentIds } from "../deployments/deployment-service.ts";
import { getDeployment, lockDeployment, updateRelease } from "../deployments/deployment-store.ts";
import type { Group } from "../groups/group.ts";
import { getGroup } from "../groups/group-store.ts";
import { markDeployments } from "../projecting/marks.ts";
import { checkDescription, Violations } from "../requests/violations.ts";
import { revisionNumber, revisionText } from "../revisions/revision.ts";
import { lockRevision } from "../revisions/revision-store.ts";
import { compileSnapshot, releasedApis, targetsOf } from "./compile.ts";
import type { Release } from "./release.ts";
import { servedApis } from "./release-difference.ts";
import * as store from "./release-store.ts";
import { resolveBackends } from "./resolve.ts";
import { type RoutingRuleDraft, readRoutingRules } from "./routing-rule-draft.ts";
import { getSnapshot, holdSnapshot, insertSnapshot, retireSnapshot } from "./snapshot-store.ts";
import { checkTargetsExist } from "./targets.ts";
import { undone } from "./undone.ts";

export interface ReleaseRequest {
  /** `n.n.n` */
  revision: string;
  environmentBackend: BackendDraft | undefined;
  routingRules: readonly RoutingRuleDraft[] | undefined;
  note: string;
  etag: string;
  author: string;
}

export interface ReleaseDifference {
  /** What is served; undefined when nothing was released yet. */
  live: Release | undefined;
  apis: readonly ApiDifference[];
}

export class ReleaseService {
  readonly #sql: Sql;
  readonly #keys: AccessKeys;

  constructor(deps: { sql: Sql; keys: AccessKeys }) {
    this.#sql = deps.sql;
    this.#keys = deps.keys;
  }

  /** Resolves and freezes a revision, and serves it. */
  async create(ids: DeploymentIds, request: ReleaseRequest, once: IdempotentRequest): Promise<Release> {
    checkDescription(request.note, "note");
    const asked = await askedOf(request, ids.project, this.#keys);
    return this.#release(ids, once, request.etag, async (tx, group, deployment) => {
      const number = (deployment.release ?? 0) + 1;
      const frozen = await freeze(tx, group, deployment, { revision: request.revision, asked });
      const { environmentBackend, routingRules, revision, resolved, snapshot } = frozen;
      await insertSnapshot(tx, snapshot.digest, snapshot.packed);
      const { label, environment } = deployment;
      const { note, author } = request;
      const choices = { environmentBackend, routingRules };
      const release = { label, environment, number, revision, note, author, ...choices };
      await store.insertRelease(tx, {
        ...release,
        apis: releasedApis(group, resolved.apis),
        rollbackOf: 0,
        snapshotDigest: snapshot.digest,
      });
      await store.insertTargets(tx, deployment, number, targetsOf(resolved));
      return { number, revision, snapshotDigest: snapshot.digest };
    });
  }

  /** How what is served would change by a release, which is tried and undone. */
  async diff(
    ids: DeploymentIds,
    request: Pick<ReleaseRequest, "revision" | "environmentBackend" | "routingRules">,
  ): Promise<ReleaseDifference> {
    const asked = await askedOf(request, ids.project, this.#keys);
    return undone(this.#sql, async (tx) => {
      const group = await getGroup(tx, ids.project, ids.group);
      const key = { label: group.label, environment: ids.environment as Environment };
      const deployment = await getDeployment(tx, key);
      const { resolved, snapshot } = await freeze(tx, group, deployment, { revision: request.revision, asked });
      const next = servedApis(snapshot.packed, releasedApis(group, resolved.apis));
      if (deployment.release === undefined) return { live: undefined, apis: differencesOf(new Map(), next) };
      const live = await store.getRelease(tx, deployment, deployment.release);
      const served = servedApis(await getSnapshot(tx, live.snapshotDigest), live.apis);
      return { live, apis: differencesOf(served, next) };
    });
  }

  /**
   * Serves an earlier release's snapshot again, as a new release. 0 means what was served before the snapshot that is served now, so
   * that a second rollback goes further back and never to what the first one left.
   */
  rollback(
    ids: DeploymentIds,
    request: { release: number; note: string; etag: string; author: string },
    once: IdempotentRequest,
  ): Promise<Release> {
    checkDescription(request.note, "note");
    return this.#release(ids, once, request.etag, async (tx, _group, deployment) => {
      checkReleased(deployment);
      const newest = deployment.release!;
      const served = await store.getRelease(tx, deployment, newest);
      const from = request.release === 0 ? (served.rollbackOf || newest) - 1 : request.release;
      if (from < 1) throw nothingBefore(deployment);
      const earlier = await store.getRelease(tx, deployment, from);
      const targets = await store.targetsOf(tx, deployment, from);
      await checkTargetsExist(tx, targets);
      await holdSnapshot(tx, earlier.snapshotDigest);
      const { note, author } = request;
      const number = newest + 1;
      await store.insertRelease(tx, { ...earlier, number, note, author, rollbackOf: earlier.rollbackOf || from });
      await store.insertTargets(tx, deployment, number, targets);
      return { number, revision: earlier.revision, snapshotDigest: earlier.snapshotDigest };
    });
  }

  get(ids: DeploymentIds, number: number): Promise<Release> {
    return query(async () => store.getRelease(this.#sql, await this.#keyOf(ids), number));
  }

  list(ids: DeploymentIds, before: number, limit: number): Promise<Release[]> {
    return query(async () => store.listReleases(this.#sql, await this.#keyOf(ids), { before, limit }));
  }

  /** Runs `make`, which writes the release, once for a request id, and points the deployment to it. */
  #release(
    ids: DeploymentIds,
    once: IdempotentRequest,
    etag: string,
    make: (
      tx: Transaction,
      group: Group,
      deployment: Deployment,
    ) => Promise<{ number: number; revision: number; snapshotDigest: string }>,
  ): Promise<Release> {
    return inTransaction(this.#sql, async (tx) => {
      const group = await getGroup(tx, ids.project, ids.group);
      const deployment = await lockDeployment(tx, { label: group.label, environment: ids.environment as Environment });
      const { resource } = await createOnce(tx, once, async () => {
        checkEtag(etag, etagOf(deployment.version));
        const { number, revision, snapshotDigest } = await make(tx, group, deployment);
        const left = deployment.snapshotDigest;
        if (left !== undefined && left !== snapshotDigest) await retireSnapshot(tx, left);
        await updateRelease(tx, deployment, { release: number, revision, snapshotDigest });
        await markDeployments(tx, [deployment]);
        return String(number);
      });
      noteCall({ before: `release ${deployment.release ?? 0}`, after: `release ${resource}` });
      return store.getRelease(tx, deployment, Number(resource));
    });
  }

  async #keyOf(ids: DeploymentIds): Promise<Deployment> {
    const { label } = await getGroup(this.#sql, ids.project, ids.group);
    return getDeployment(this.#sql, { label, environment: ids.environment as Environment });
  }
}

/** A revision as it would be served: every backend resolved, under the locks that a release holds. */
async function freeze(
  tx: Transaction,
  group: Group,
  deployment: Deployment,
  { revision: id, asked }: { revision: string; asked: Awaited<ReturnType<typeof askedOf>> },
) {
  const { release } = deployment;
  const last = release === undefined ? undefined : await store.getRelease(tx, deployment, release);
  const environmentBackend = asked.environmentBackend ?? last?.environmentBackend;
  const routingRules = asked.routingRules ?? last?.routingRules ?? [];
  const revision = await lockRevision(tx, group.label, revisionNumber(id));
  const apis = await listRoutes(tx, revision);
  if (apis.length === 0) throw revisionEmpty(revision.number);
  const description = `Released to ${group.id} ${deployment.environment} (release ${(release ?? 0) + 1})`;
  const choices = { project: group.project, apis, environmentBackend, routingRules, description };
  const resolved = await resolveBackends(tx, choices);
  const snapshot = compileSnapshot(group, revision.number, resolved);
  return { environmentBackend, routingRules, revision: revision.number, resolved, snapshot };
}

/** What the request says of backends; undefined where it says nothing. */
async function askedOf(
  { environmentBackend, routingRules }: Pick<ReleaseRequest, "environmentBackend" | "routingRules">,
  project: string,
  keys: AccessKeys,
) {
  const violations = new Violations();
  const asked = {
    environmentBackend:
      environmentBackend && readBackend(environmentBackend, project, violations, "environment_backend"),
    routingRules: routingRules && readRoutingRules(routingRules, project, violations, "routing_rules.rules"),
  };
  violations.throwIfAny();
  const ofRules = asked.routingRules?.map(({ backend }, i) => [`routing_rules.rules[${i}].backend`, backend] as const);
  const backends = [["environment_backend", asked.environmentBackend] as const, ...(ofRules ?? [])];
  const placed = backends.map(([at, backend]) => [`${at}.http.signing_key`, backend] as const);
  await checkSigningKeys(keys, project, placed, violations);
  violations.throwIfAny();
  return asked;
}

function revisionEmpty(revision: number): PlatformError {
  const message = `Revision ${revisionText(revision)} has no API; create one first.`;
  return new PlatformError("failed_precondition", message, { reason: "revision_empty" });
}

function nothingBefore({ environment }: Deployment): PlatformError {
  const message = `There is no release of ${environment} before the one being served.`;
  return new PlatformError("failed_precondition", message, { reason: "nothing_to_roll_back_to" });
}
