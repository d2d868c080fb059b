import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import { PlatformError } from "@millrace/errors";
import { Api, ApiServiceService, type Backend, ImportRemark } from "@millrace/proto/control/v1/apis";
import { Deployment, DeploymentServiceService, DeploymentState, Release } from "@millrace/proto/control/v1/deployments";
import { Alias, FunctionMessage, FunctionServiceService, FunctionVersion } from "@millrace/proto/control/v1/functions";
import { Group, GroupServiceService, Revision } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { RpcServer } from "@millrace/rpc";
import { parse } from "yaml";

// A stand-in for control-plane that keeps in memory what a deploy makes, and counts what was asked to change.

type Operations = Map<string, Api>;

export class FakePlatform {
  readonly projects = new Set<string>();
  readonly functions = new Map<string, FunctionMessage>();
  readonly versions = new Map<string, FunctionVersion>();
  readonly aliases = new Map<string, Alias>();
  readonly groups = new Map<string, Group>();
  readonly revisions = new Map<string, { revision: Revision; apis: Operations }>();
  readonly deployments = new Map<string, Deployment>();
  readonly releases = new Map<string, Release>();
  /** Names of the methods that changed something, in order. */
  readonly changes: string[] = [];
  /** What the next upload is refused with. */
  refuseUpload: PlatformError | undefined;

  async listen(t: TestContext): Promise<string> {
    const server = new RpcServer({
      access: new Proxy({}, { get: () => ({ who: "public" }) }),
      authenticate: async () => ({ kind: "anonymous" }),
      log: { debug: () => {}, warn: () => {}, error: () => {} },
    });
    this.#serveProjects(server);
    this.#serveFunctions(server);
    this.#serveAliases(server);
    this.#serveGroups(server);
    this.#serveApis(server);
    this.#serveDeployments(server);
    const port = await server.listen("127.0.0.1", 0);
    t.after(() => server.close());
    return `127.0.0.1:${port}`;
  }

  #serveProjects(server: RpcServer): void {
    const { getProject, createProject } = ProjectServiceService;
    const message = (name: string) => ({ name, displayName: "", createdAt: undefined, updatedAt: undefined, etag: "" });
    server.add(
      { getProject, createProject },
      {
        getProject: async ({ name }) => message(this.projects.has(name) ? name : missing()),
        createProject: async ({ projectId }) => {
          this.changes.push("createProject");
          this.projects.add(`projects/${projectId}`);
          return message(`projects/${projectId}`);
        },
      },
    );
  }

  #serveFunctions(server: RpcServer): void {
    const { getFunction, createFunction, updateFunction, uploadCode, getFunctionVersion, publishVersion } =
      FunctionServiceService;
    server.add(
      { getFunction, createFunction, updateFunction, uploadCode, getFunctionVersion, publishVersion },
      {
        getFunction: async ({ name }) => this.functions.get(name) ?? missing(),
        getFunctionVersion: async ({ name }) => this.versions.get(name) ?? missing(),
        publishVersion: async ({ name }) => {
          this.changes.push("publishVersion");
          return this.#publish(name);
        },
        createFunction: async ({ parent, functionId, description, config }) => {
          this.changes.push("createFunction");
          const name = `${parent}/functions/${functionId}`;
          return this.#keep(FunctionMessage.create({ name, description, config: settled(config!) }));
        },
        updateFunction: async ({ name, description, config }) => {
          this.changes.push("updateFunction");
          const found = this.functions.get(name)!;
          return this.#keep({ ...found, description: description ?? found.description, config: settled(config!) });
        },
        uploadCode: async (requests) => {
          const hash = createHash("sha256");
          let name = "";
          for await (const { part } of requests) {
            if (part?.$case === "header") name = part.value.name;
            else if (part) hash.update(part.value);
          }
          if (this.refuseUpload) throw this.refuseUpload;
          this.changes.push("uploadCode");
          const digest = hash.digest("hex");
          const code = { digest: `built ${digest}`, uploadDigest: digest, sizeBytes: 1, exports: [] };
          return this.#keep(FunctionMessage.create({ ...this.functions.get(name)!, code }));
        },
      },
    );
  }

  #serveAliases(server: RpcServer): void {
    const { listAliases, createAlias, updateAlias } = FunctionServiceService;
    server.add(
      { listAliases, createAlias, updateAlias },
      {
        listAliases: async ({ parent }) => ({
          aliases: [...this.aliases.values()].filter(({ name }) => name.startsWith(`${parent}/`)),
          nextPageToken: "",
        }),
        createAlias: async ({ parent, aliasId, targets, minInstances }) => {
          this.changes.push("createAlias");
          const alias = Alias.create({ name: `${parent}/aliases/${aliasId}`, targets, minInstances });
          this.aliases.set(alias.name, alias);
          return alias;
        },
        updateAlias: async ({ name, targets, minInstances }) => {
          this.changes.push("updateAlias");
          const found = this.aliases.get(name) ?? missing();
          const moved = targets.length > 0 ? targets : found.targets;
          const alias = { ...found, targets: moved, minInstances: minInstances ?? found.minInstances };
          this.aliases.set(name, alias);
          return alias;
        },
      },
    );
  }

  #serveGroups(server: RpcServer): void {
    const { getGroup, createGroup, updateGroup, getRevision, listRevisions, createRevision } = GroupServiceService;
    server.add(
      { getGroup, createGroup, updateGroup, getRevision, listRevisions, createRevision },
      {
        getGroup: async ({ name }) => this.groups.get(name) ?? missing(),
        createGroup: async ({ parent, groupId, description, prefix, access }) => {
          this.changes.push("createGroup");
          const name = `${parent}/groups/${groupId}`;
          const group = Group.create({ name, description, prefix, access });
          this.groups.set(name, group);
          this.#addRevision(name, "0.0.1", new Map());
          for (const environment of ["test", "preview", "online"]) {
            const deployment = `${name}/deployments/${environment}`;
            this.deployments.set(deployment, Deployment.create({ name: deployment }));
          }
          return group;
        },
        updateGroup: async ({ name, description, prefix, access }) => {
          this.changes.push("updateGroup");
          const found = this.groups.get(name)!;
          const group = { ...found, description: description ?? "", prefix: prefix ?? "", access };
          this.groups.set(name, group);
          return group;
        },
        getRevision: async ({ name }) => this.revisions.get(name)?.revision ?? missing(),
        listRevisions: async ({ parent }) => ({
          revisions: this.#revisionsOf(parent).map(({ revision }) => revision),
          nextPageToken: "",
        }),
        createRevision: async ({ parent }) => {
          this.changes.push("createRevision");
          const [newest] = this.#revisionsOf(parent);
          const id = `0.0.${this.#revisionsOf(parent).length + 1}`;
          return this.#addRevision(parent, id, new Map(newest!.apis));
        },
      },
    );
  }

  #serveApis(server: RpcServer): void {
    const { importApis, listApis } = ApiServiceService;
    server.add(
      { importApis, listApis },
      {
        importApis: async ({ parent, document, validateOnly }) => {
          const found = this.revisions.get(parent)!;
          const wanted = operationsOf(parent, document);
          for (const { definition } of wanted.values()) this.#requireFunction(definition?.backend);
          const names = (map: Operations, keep: (api: Api) => boolean) =>
            [...map.values()].filter(keep).map(({ name }) => name);
          const before = found.apis;
          const same = ({ name, definition }: Api) =>
            JSON.stringify(before.get(name)?.definition) === JSON.stringify(definition);
          const answer = {
            created: names(wanted, ({ name }) => !before.has(name)),
            updated: names(wanted, (api) => before.has(api.name) && !same(api)),
            deleted: names(before, ({ name }) => !wanted.has(name)),
            unchanged: names(wanted, same),
            renamed: [],
            remarks: document.includes("servers:")
              ? [ImportRemark.create({ pointer: "#/servers", outcome: 1, what: "it is elsewhere" })]
              : [],
            moreRemarks: 0,
          };
          if (validateOnly) return answer;
          if (found.revision.environments.length > 0)
            throw new PlatformError("failed_precondition", "deployed", { reason: "revision_deployed" });
          this.changes.push("importApis");
          found.apis = wanted;
          return answer;
        },
        listApis: async ({ parent }) => ({ apis: [...this.revisions.get(parent)!.apis.values()], nextPageToken: "" }),
      },
    );
  }

  #serveDeployments(server: RpcServer): void {
    const { getDeployment, createRelease, getRelease } = DeploymentServiceService;
    server.add(
      { getDeployment, createRelease, getRelease },
      {
        getDeployment: async ({ name }) => this.deployments.get(name) ?? missing(),
        getRelease: async ({ name }) => this.releases.get(name) ?? missing(),
        createRelease: async ({ name, revision, environmentBackend, routingRules }) => {
          this.changes.push("createRelease");
          const found = this.deployments.get(name)!;
          const group = name.slice(0, name.indexOf("/deployments/"));
          const released = this.revisions.get(`${group}/revisions/${revision}`)!;
          released.revision.environments = [name.split("/").at(-1)!];
          const release = Release.create({
            name: `${name}/releases/${found.release + 1}`,
            number: found.release + 1,
            revision,
            environmentBackend,
            routingRules,
            apis: [...released.apis.values()].map((api) => ({
              apiId: api.name.split("/").at(-1)!,
              backend: this.#pin(api.definition?.backend ?? environmentBackend),
            })),
          });
          this.releases.set(release.name, release);
          this.deployments.set(name, {
            ...found,
            release: release.number,
            revision,
            state: DeploymentState.SERVING,
            pathUrl: `http://gateway/~${"x".repeat(12)}/${name.split("/").at(-1)}`,
          });
          return release;
        },
      },
    );
  }

  #pin(backend: Backend | undefined): string {
    if (backend?.kind?.$case !== "function") return "mock";
    const name = backend.kind.value.function;
    return `${name.split("/").at(-1)}@${this.#publish(name).number}`;
  }

  /** When nothing has changed since the last version, that one is the answer. */
  #publish(name: string): FunctionVersion {
    const draft = this.functions.get(name) ?? missing();
    const last = this.versions.get(`${name}/versions/${draft.latestVersion}`);
    const number = draft.latestVersion + 1;
    const config = { ...draft.config, concurrency: draft.config?.concurrency || 1 };
    const version = FunctionVersion.create({ name: `${name}/versions/${number}`, number, config, code: draft.code });
    if (last && JSON.stringify([last.config, last.code]) === JSON.stringify([version.config, version.code]))
      return last;
    this.functions.set(name, { ...draft, latestVersion: number });
    this.versions.set(version.name, version);
    return version;
  }

  #requireFunction(backend: Backend | undefined): void {
    if (backend?.kind?.$case !== "function" || this.functions.has(backend.kind.value.function)) return;
    throw new PlatformError("invalid_argument", "There is no such function.", { reason: "document_invalid" });
  }

  #keep(message: FunctionMessage): FunctionMessage {
    this.functions.set(message.name, message);
    return message;
  }

  #addRevision(group: string, id: string, apis: Operations): Revision {
    const revision = Revision.create({ name: `${group}/revisions/${id}` });
    this.revisions.set(revision.name, { revision, apis });
    return revision;
  }

  #revisionsOf(group: string) {
    return [...this.revisions.values()].filter(({ revision }) => revision.name.startsWith(`${group}/`)).reverse();
  }
}

/** Operations with their function backends; anything else of an operation counts as its description. */
function operationsOf(parent: string, document: string): Operations {
  const { paths } = parse(document) as { paths: Record<string, Record<string, Operation>> };
  const project = parent.split("/groups/")[0];
  const apis: Operations = new Map();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const { operationId, "x-millrace-backend": backend } = operation;
      const value = { function: `${project}/functions/${backend?.function}`, qualifier: "", eventFormat: 0 as const };
      const name = `${parent.replace(/\/revisions\/.*/, "")}/${operationId}`;
      const definition = {
        method,
        path,
        description: JSON.stringify(operation),
        ...(backend && { backend: { kind: { $case: "function" as const, value } } }),
      };
      apis.set(name, Api.create({ name, definition }));
    }
  }
  return apis;
}

interface Operation {
  operationId: string;
  "x-millrace-backend"?: { function: string };
}

/** As the platform answers a configuration: with defaults, and secrets by name. */
function settled(config: NonNullable<FunctionMessage["config"]>) {
  const secrets = Object.fromEntries(Object.keys(config.secrets).map((key) => [key, ""]));
  return { ...config, secrets, memoryMib: config.memoryMib || 128, timeoutMs: config.timeoutMs || 10_000 };
}

function missing(): never {
  throw new PlatformError("not_found", "There is no such thing.", { reason: "missing" });
}
