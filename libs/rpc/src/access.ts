// Who may call a method. Each service has one table with a row for every method it serves; a server whose table lacks a row does not
// start. A member's project is read from the request's `name` or `parent`.

export type ServiceName = "gateway" | "control-plane" | "auth" | "function-runner" | "console";

/** In rising order of power. */
export const ROLES = ["viewer", "developer", "owner"] as const;
export type RoleName = (typeof ROLES)[number];

export type Access =
  /** Anybody, without a credential. */
  | { who: "public" }
  /** Any signed-in person; the use case decides the rest. */
  | { who: "person" }
  | { who: "operator" }
  /** Other services, by their identity. */
  | { who: "service"; services: readonly ServiceName[] }
  /** Members of the project that the request names, with at least this role. */
  | { who: "member"; role: RoleName };

/** `{full method path: access}`, e.g. `/millrace.control.v1.ProjectService/GetProject`. */
export type AccessTable = Readonly<Record<string, Access>>;

/** The rows of one service. A method without a row, and a row without a method, do not compile. */
export function accessRows<Definition extends Readonly<Record<string, { path: string }>>>(
  definition: Definition,
  rows: Readonly<Record<keyof Definition, Access>>,
): AccessTable {
  return Object.fromEntries(Object.entries(definition).map(([name, { path }]) => [path, rows[name]!]));
}

export interface Person {
  kind: "person";
  /** `people/{id}` */
  name: string;
  email: string;
  operator: boolean;
  /** Project id → role. */
  memberships: ReadonlyMap<string, RoleName>;
  /** Of the credential. */
  expiresAt: Date;
  /** `tokens/{id}` or `sessions/{id}` */
  credentialName?: string;
}

export interface ServicePrincipal {
  kind: "service";
  service: ServiceName;
}

export type Principal = Person | ServicePrincipal | { kind: "anonymous" };

/** How a principal is named in idempotency keys and logs. */
export function principalName(principal: Principal): string {
  if (principal.kind === "person") return principal.name;
  return principal.kind === "service" ? `services/${principal.service}` : "anonymous";
}
