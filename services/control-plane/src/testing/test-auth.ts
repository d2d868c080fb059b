import { PlatformError } from "@millrace/errors";
import { IdentityServiceService, type Principal } from "@millrace/proto/auth/v1/internal";
import { Role } from "@millrace/proto/auth/v1/people";
import { type Access, type AccessTable, type HandlersOf, RpcServer } from "@millrace/rpc";

// auth as control-plane knows it: a server that keeps people and their roles in memory.

export interface TestAuth {
  port: number;
  /** Calls that changed something, e.g. `forgetProject projects/shop`. */
  readonly asked: string[];
  readonly authenticated: { count: number };
  /** Gives a person a role; the person's token is the person's id. */
  grant(person: string, project: string, role: Role): void;
  addAccessKey(project: string, id: string): void;
  addPerson(id: string, options?: { operator?: boolean }): void;
  close(): void;
}

const silent = { debug() {}, warn() {}, error() {} };

export async function startTestAuth(): Promise<TestAuth> {
  const people = new Map<string, { operator: boolean; roles: Map<string, Role> }>();
  const asked: string[] = [];
  const accessKeys: { project: string; id: string }[] = [];
  const authenticated = { count: 0 };
  const grant = (person: string, project: string, role: Role) => people.get(person)?.roles.set(project, role);
  const handlers: HandlersOf<typeof IdentityServiceService> = {
    async authenticate({ token }) {
      authenticated.count++;
      const person = people.get(token);
      if (!person) throw new PlatformError("unauthenticated", "The token is not valid.", { reason: "token_invalid" });
      return principalOf(token, person);
    },
    async grantOwner({ project, person }) {
      asked.push(`grantOwner ${project} ${person}`);
      grant(person.replace("people/", ""), project, Role.OWNER);
      return {};
    },
    async forgetProject({ project }) {
      asked.push(`forgetProject ${project}`);
      for (const { roles } of people.values()) roles.delete(project);
      return {};
    },
    async forgetGroup({ group }) {
      asked.push(`forgetGroup ${group}`);
      return {};
    },
    async deriveSigningKeys() {
      return { keys: [] };
    },
    async listAccessKeyIds({ project }) {
      return { keyIds: accessKeys.filter((key) => key.project === project).map(({ id }) => id) };
    },
    async reprojectGrants() {
      asked.push("reprojectGrants");
      return { entries: 7 };
    },
  };
  const server = new RpcServer({
    access: publicTable(),
    authenticate: async () => ({ kind: "service", service: "control-plane" }),
    log: silent,
  }).add(IdentityServiceService, handlers);
  const port = await server.listen("127.0.0.1", 0);
  return {
    port,
    asked,
    authenticated,
    grant: (person, project, role) => void grant(person, `projects/${project}`, role),
    addAccessKey: (project, id) => void accessKeys.push({ project: `projects/${project}`, id }),
    addPerson: (id, options) => people.set(id, { operator: options?.operator ?? false, roles: new Map() }),
    close: () => server.close(),
  };
}

function principalOf(id: string, { operator, roles }: { operator: boolean; roles: Map<string, Role> }): Principal {
  const person = { name: `people/${id}`, email: `${id}@example.com`, displayName: id, operator, disabled: false };
  return {
    person: { ...person, createdAt: undefined, etag: "" },
    memberships: [...roles].map(([project, role]) => ({ project, role })),
    expiresAt: new Date(Date.now() + 30 * 86_400_000),
    credential: `tokens/of${id}`,
  };
}

function publicTable(): AccessTable {
  const access: Access = { who: "public" };
  return Object.fromEntries(Object.values(IdentityServiceService).map(({ path }) => [path, access]));
}
