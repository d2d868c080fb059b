import { type AuditLog, auditHandlers } from "@millrace/audit";
import { AuditServiceService } from "@millrace/proto/auth/v1/audit";
import { AuthorizationServiceService } from "@millrace/proto/auth/v1/authorizations";
import { IdentityServiceService } from "@millrace/proto/auth/v1/internal";
import { AccessKeyServiceService, SubscriptionKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { MemberServiceService } from "@millrace/proto/auth/v1/members";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import { TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import { RpcServer, type RpcServerOptions, ServiceTrust } from "@millrace/rpc";
import type { MasterKeyring } from "@millrace/sealing";
import { query, type Sql } from "@millrace/sql";
import { ACCESS } from "./access.ts";
import { accessKeyRpc } from "./access-keys/access-key-rpc.ts";
import { AccessKeyService } from "./access-keys/access-key-service.ts";
import { authorizationRpc } from "./authorizations/authorization-rpc.ts";
import { AuthorizationService } from "./authorizations/authorization-service.ts";
import type { DeploymentLookup } from "./authorizations/deployment-client.ts";
import { identityRpc } from "./identity/identity-rpc.ts";
import { forgetProject } from "./members/forgetting-service.ts";
import { memberRpc } from "./members/member-rpc.ts";
import { MemberService } from "./members/member-service.ts";
import { findProjectMadeAt } from "./members/project-store.ts";
import { JoiningService } from "./people/joining-service.ts";
import type { PasswordHasher } from "./people/password-hasher.ts";
import { peopleRpc } from "./people/people-rpc.ts";
import { PeopleService } from "./people/people-service.ts";
import { SignInThrottle } from "./people/sign-in-throttle.ts";
import { ReprojectingService } from "./projecting/reprojecting-service.ts";
import { Authenticator } from "./sessions/authenticator.ts";
import { SessionService } from "./sessions/session-service.ts";
import { SigningKeyService } from "./signing-keys/signing-key-service.ts";
import { subscriptionKeyRpc } from "./subscription-keys/subscription-key-rpc.ts";
import { SubscriptionKeyService } from "./subscription-keys/subscription-key-service.ts";
import { tokenRpc } from "./tokens/token-rpc.ts";
import { TokenService } from "./tokens/token-service.ts";

/** The service's own schema. */
export const SCHEMA = "auth";

export interface AppDeps {
  sql: Sql;
  now: () => Date;
  audit: AuditLog;
  log: RpcServerOptions["log"];
  tls?: RpcServerOptions["tls"];
  onCallEnd?: RpcServerOptions["onEnd"];
  trust: Pick<ServiceTrust, "verify">;
  passwords: PasswordHasher;
  masterKeys: Pick<MasterKeyring, "seal" | "open">;
  deployments: DeploymentLookup;
  /** What the bucket `grants` holds now. */
  bucketKeys(): AsyncIterable<string>;
  selfRegistration: boolean;
}

/** Puts the service together; the caller listens and closes. */
export function buildApp(deps: AppDeps): RpcServer {
  const { sql, now, audit } = deps;
  const authenticator = new Authenticator(deps);
  const throttle = new SignInThrottle(now);
  const people = new PeopleService(deps);
  const sessions = new SessionService({ ...deps, throttle });
  const joining = new JoiningService({ ...deps, throttle });
  const members = new MemberService(deps);
  const authorizations = new AuthorizationService(deps);
  const accessKeys = new AccessKeyService(deps);
  const signingKeys = new SigningKeyService(deps);
  const reprojecting = new ReprojectingService(deps);
  const identity = identityRpc({
    now,
    authenticator,
    members,
    authorizations,
    signingKeys,
    accessKeys,
    forgetProject: (projectId) => forgetProject(sql, projectId),
    reproject: () => reprojecting.reproject(),
  });
  return new RpcServer({
    access: ACCESS,
    authenticate: (token) =>
      ServiceTrust.looksLikeServiceToken(token) ? deps.trust.verify(token) : authenticator.authenticate(token),
    forwarders: deps.trust,
    recorder: audit,
    onEnd: deps.onCallEnd,
    log: deps.log,
    tls: deps.tls,
  })
    .add(PeopleServiceService, peopleRpc({ people, sessions, joining }))
    .add(TokenServiceService, tokenRpc(new TokenService(deps)))
    .add(MemberServiceService, memberRpc(members))
    .add(AccessKeyServiceService, accessKeyRpc(accessKeys))
    .add(SubscriptionKeyServiceService, subscriptionKeyRpc(new SubscriptionKeyService(deps)))
    .add(AuthorizationServiceService, authorizationRpc(authorizations))
    .add(
      AuditServiceService,
      auditHandlers(audit, (project) => query(() => findProjectMadeAt(sql, project))),
    )
    .add(IdentityServiceService, identity);
}
