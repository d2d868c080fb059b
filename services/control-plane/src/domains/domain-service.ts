import { invalidFields } from "@millrace/errors";
import { type Environment, formatName, type ResourceIds, randomLabel } from "@millrace/names";
import { checkEtag, etagOf, noteCall } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import type { Addresses, DeploymentKey } from "../deployments/deployment.ts";
import type { Seal } from "../functions/function-service.ts";
import { lockGroup } from "../groups/group-store.ts";
import { QUOTAS } from "../limits.ts";
import { markDomains } from "../projecting/marks.ts";
import { getProject, lockProject } from "../projects/project-store.ts";
import { checkQuota } from "../requests/refusals.ts";
import { checkCertificate } from "./certificate.ts";
import { challengeName, checkRecord, type Domain, heldByAnother, parseHost } from "./domain.ts";
import * as store from "./domain-store.ts";
import type { TxtLookup } from "./txt-lookup.ts";

interface DomainServiceDeps {
  sql: Sql;
  addresses: Addresses;
  lookUpTxt: TxtLookup;
  /** To the gateways' key. */
  seal: Seal;
  /** Tells the project that had the host, in its audit log. */
  tellLoss: (tx: Transaction, lost: Domain) => Promise<void>;
  clock: () => Date;
}

type DeploymentIds = ResourceIds<"deployment">;

export class DomainService {
  readonly #deps: DomainServiceDeps;

  constructor(deps: DomainServiceDeps) {
    this.#deps = deps;
  }

  create(
    project: string,
    text: string,
    deployment: DeploymentIds | undefined,
    once: IdempotentRequest,
  ): Promise<Domain> {
    const host = parseHost(text, this.#deps.addresses, "domain_id");
    noteCall({ object: formatName("domain", { project, domain: host }) });
    checkOwn(project, deployment);
    return inTransaction(this.#deps.sql, async (tx) => {
      const { resource } = await createOnce(tx, once, async () => {
        await lockProject(tx, project);
        checkQuota("domains", await store.countDomains(tx, project), QUOTAS.domainsPerProject);
        const uid = `dm-${randomLabel(12)}`;
        const bound = deployment && (await roomAt(tx, deployment, uid));
        await store.insertDomain(tx, { uid, project, host, token: `millrace-${randomLabel(32)}` }, bound);
        return host;
      });
      return store.getDomain(tx, project, resource);
    });
  }

  get(project: string, host: string): Promise<Domain> {
    return query(() => store.getDomain(this.#deps.sql, project, host));
  }

  list(project: string, after: string, limit: number): Promise<Domain[]> {
    return query(async () => {
      await getProject(this.#deps.sql, project);
      return store.listDomains(this.#deps.sql, { project, after, limit });
    });
  }

  /**
   * Who controls the host's DNS decides: a claim is proved by its own record. One that was proved ends only when its record is gone and another
   * claim's is there, so that neither an outage of DNS nor a leftover record moves a host.
   */
  async verify(project: string, host: string): Promise<Domain> {
    const { sql, lookUpTxt, tellLoss, clock } = this.#deps;
    await this.get(project, host);
    const found = await lookUpTxt(challengeName(host), project);
    return inTransaction(sql, async (tx) => {
      const domain = await store.lockDomain(tx, project, host);
      checkRecord(domain, found);
      if (domain.verifiedAt) return domain;
      const holder = await store.lockHolder(tx, host);
      if (holder) {
        if (found.includes(holder.token)) throw heldByAnother(host);
        await store.setLost(tx, holder.uid, clock());
        await tellLoss(tx, holder);
      }
      await store.setVerified(tx, domain, clock());
      await markDomains(tx, [host]);
      return store.getDomain(tx, project, host);
    });
  }

  /** Undefined stays as it is; null ends the binding. */
  update(project: string, host: string, deployment: DeploymentIds | null | undefined, etag: string): Promise<Domain> {
    if (deployment) checkOwn(project, deployment);
    return inTransaction(this.#deps.sql, async (tx) => {
      // Before the domain, as whoever deletes the group locks them.
      const group = deployment && (await lockGroup(tx, project, deployment.group));
      const { uid, version } = await store.lockDomain(tx, project, host);
      checkEtag(etag, etagOf(version));
      if (deployment !== undefined) {
        const bound = group && (await roomIn(tx, group.label, deployment.environment, uid));
        await store.bindDomain(tx, uid, bound ?? undefined);
        await markDomains(tx, [host]);
      }
      return store.getDomain(tx, project, host);
    });
  }

  uploadCertificate(
    project: string,
    host: string,
    upload: { chainPem: string; privateKeyPem: string },
    etag: string,
  ): Promise<Domain> {
    const { sql, seal, clock } = this.#deps;
    const uploadedAt = clock();
    const certificate = checkCertificate(host, upload, uploadedAt);
    const sealedKey = seal(`domain-key|${host}|${certificate.fingerprint}`, certificate.privateKeyPem);
    return inTransaction(sql, async (tx) => {
      const { uid, version } = await store.lockDomain(tx, project, host);
      checkEtag(etag, etagOf(version));
      await store.putCertificate(tx, uid, certificate, { sealedKey, uploadedAt });
      await markDomains(tx, [host]);
      return store.getDomain(tx, project, host);
    });
  }

  delete(project: string, host: string, etag: string): Promise<void> {
    return inTransaction(this.#deps.sql, async (tx) => {
      const { uid, version } = await store.lockDomain(tx, project, host);
      checkEtag(etag, etagOf(version));
      await store.deleteDomain(tx, uid);
      await markDomains(tx, [host]);
    });
  }
}

function checkOwn(project: string, deployment: DeploymentIds | undefined): void {
  if (deployment === undefined || deployment.project === project) return;
  throw invalidFields([{ field: "deployment", description: "must be of the domain's project" }]);
}

/** The deployment, when its group has room for one more host. Throws `not_found` group_not_found. */
async function roomAt(tx: Transaction, { project, group, environment }: DeploymentIds, uid: string) {
  const { label } = await lockGroup(tx, project, group);
  return roomIn(tx, label, environment, uid);
}

async function roomIn(tx: Transaction, label: string, environment: string, uid: string): Promise<DeploymentKey> {
  checkQuota("group domains", await store.countBound(tx, label, uid), QUOTAS.domainsPerGroup);
  return { label, environment: environment as Environment };
}
