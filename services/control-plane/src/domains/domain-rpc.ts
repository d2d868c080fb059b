import { parseName } from "@millrace/names";
import { CreateDomainRequest, type DomainServiceService } from "@millrace/proto/control/v1/domains";
import { type HandlersOf, onceOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { textAfter } from "../requests/paging.ts";
import type { Domain } from "./domain.ts";
import { toDomainMessage } from "./domain-message.ts";
import type { DomainService } from "./domain-service.ts";

export function domainHandlers(domains: DomainService, clock: () => Date): HandlersOf<typeof DomainServiceService> {
  const toMessage = (domain: Domain) => toDomainMessage(domain, clock());
  return {
    async createDomain(request, context) {
      const { project } = parseName("project", request.parent, "parent");
      const bound = deploymentOf(request.deployment);
      const once = onceOf(context, request, CreateDomainRequest);
      return toMessage(await domains.create(project, request.domainId, bound ?? undefined, once));
    },
    async getDomain({ name }) {
      const { project, domain } = parseName("domain", name);
      return toMessage(await domains.get(project, domain));
    },
    async listDomains({ parent, pageSize, pageToken }) {
      const { project } = parseName("project", parent, "parent");
      const scope = `domains ${parent}`;
      const size = pageSizeOf(pageSize);
      const rows = await domains.list(project, textAfter(scope, pageToken), size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ host }) => [host]);
      return { domains: page.map(toMessage), nextPageToken };
    },
    async verifyDomain({ name }) {
      const { project, domain } = parseName("domain", name);
      return toMessage(await domains.verify(project, domain));
    },
    async updateDomain({ name, deployment, etag }) {
      const { project, domain } = parseName("domain", name);
      const bound = deployment === undefined ? undefined : deploymentOf(deployment);
      return toMessage(await domains.update(project, domain, bound, etag));
    },
    async uploadCertificate({ name, chainPem, privateKeyPem, etag }) {
      const { project, domain } = parseName("domain", name);
      return toMessage(await domains.uploadCertificate(project, domain, { chainPem, privateKeyPem }, etag));
    },
    async deleteDomain({ name, etag }) {
      const { project, domain } = parseName("domain", name);
      await domains.delete(project, domain, etag);
      return {};
    },
  };
}

/** Null for none. */
function deploymentOf(name: string) {
  return name === "" ? null : parseName("deployment", name, "deployment");
}
