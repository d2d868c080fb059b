import { PlatformError } from "@millrace/errors";
import { IdentityServiceService, type Principal as PrincipalMessage } from "@millrace/proto/auth/v1/internal";
import { Role } from "@millrace/proto/auth/v1/people";
import { type Person, type RoleName, RpcClient, type ServiceIdentity } from "@millrace/rpc";
import { LIMITS } from "../limits.ts";

/** Asks auth. While it is away every answer is `unavailable` auth_unavailable. */
export class IdentityClient {
  readonly #rpc: RpcClient;

  constructor(options: { address: string; caFile: string | undefined; identity: ServiceIdentity }) {
    const { address, caFile, identity } = options;
    this.#rpc = new RpcClient({ address, caFile, token: () => identity.tokenFor("auth") });
  }

  /** Throws `unauthenticated` token_invalid. */
  async authenticate(token: string): Promise<Person> {
    return personOf(await this.#call(IdentityServiceService.authenticate, { token }));
  }

  async grantOwner(project: string, person: string): Promise<void> {
    await this.#call(IdentityServiceService.grantOwner, { project: `projects/${project}`, person });
  }

  async forgetProject(project: string): Promise<void> {
    await this.#call(IdentityServiceService.forgetProject, { project: `projects/${project}` });
  }

  async forgetGroup(group: string): Promise<void> {
    await this.#call(IdentityServiceService.forgetGroup, { group });
  }

  /** Of all of them, also of disabled ones. */
  async accessKeysOf(project: string): Promise<ReadonlySet<string>> {
    const { keyIds } = await this.#call(IdentityServiceService.listAccessKeyIds, { project: `projects/${project}` });
    return new Set(keyIds);
  }

  /** Answers how many entries the bucket `grants` has. */
  async reprojectGrants(): Promise<number> {
    const timeoutMs = LIMITS.reprojectTimeoutMs;
    return (await this.#call(IdentityServiceService.reprojectGrants, {}, timeoutMs)).entries;
  }

  close(): void {
    this.#rpc.close();
  }

  async #call<Request, Response>(
    method: Parameters<typeof RpcClient.prototype.call<Request, Response>>[0],
    request: Request,
    timeoutMs: number = LIMITS.authTimeoutMs,
  ): Promise<Response> {
    try {
      return await this.#rpc.call(method, request, { timeoutMs });
    } catch (error) {
      throw refusalOf(error, method.path);
    }
  }
}

/** What auth says of a token is the caller's concern; that it does not know this service is not. */
function refusalOf(error: unknown, path: string): unknown {
  if (!(error instanceof PlatformError)) return error;
  if (error.code === "unavailable" || error.code === "deadline_exceeded") {
    const message = "The service auth cannot be reached; try again.";
    return new PlatformError("unavailable", message, { reason: "auth_unavailable", cause: error });
  }
  if (path === IdentityServiceService.authenticate.path && error.code === "unauthenticated") return error;
  return new PlatformError("internal", "Something went wrong on our side.", {
    reason: "internal",
    internal: `auth refused ${path}`,
    cause: error,
  });
}

function personOf({ person, memberships, expiresAt, credential }: PrincipalMessage): Person {
  if (!person || !expiresAt) {
    throw new PlatformError("internal", "Something went wrong on our side.", {
      reason: "internal",
      internal: "auth answered a principal without a person or an end",
    });
  }
  const { name, email, operator } = person;
  const roles = memberships.flatMap(({ project, role }): [string, RoleName][] => {
    const known = ROLE_NAMES[role];
    return known ? [[project.replace(/^projects\//, ""), known]] : [];
  });
  return { kind: "person", name, email, operator, memberships: new Map(roles), expiresAt, credentialName: credential };
}

const ROLE_NAMES: Readonly<Partial<Record<Role, RoleName>>> = {
  [Role.OWNER]: "owner",
  [Role.DEVELOPER]: "developer",
  [Role.VIEWER]: "viewer",
};
