import type { IdentityServiceService, SigningScope as ProtoScope } from "@millrace/proto/auth/v1/internal";
import type { HandlersOf } from "@millrace/rpc";
import { profileOf } from "@millrace/signing";
import type { AccessKeyService } from "../access-keys/access-key-service.ts";
import type { AuthorizationService } from "../authorizations/authorization-service.ts";
import { SIGNING_SCOPES } from "../limits.ts";
import type { MemberService } from "../members/member-service.ts";
import { membershipsToProto, personToProto } from "../people/people-rpc.ts";
import { RequestCheck } from "../request-check.ts";
import type { Authenticator } from "../sessions/authenticator.ts";
import { derivableDates, type SigningScope } from "../signing-keys/signing-key.ts";
import type { SigningKeyService } from "../signing-keys/signing-key-service.ts";

export interface IdentityRpcDeps {
  now: () => Date;
  authenticator: Authenticator;
  members: MemberService;
  authorizations: AuthorizationService;
  signingKeys: SigningKeyService;
  accessKeys: Pick<AccessKeyService, "ids">;
  forgetProject(projectId: string): Promise<void>;
  /** Answers how many entries the bucket should hold. */
  reproject(): Promise<number>;
}

export function identityRpc(deps: IdentityRpcDeps): HandlersOf<typeof IdentityServiceService> {
  return {
    async authenticate({ token }) {
      const bearer = await deps.authenticator.authenticate(token);
      return {
        person: personToProto(bearer.row),
        memberships: membershipsToProto(bearer),
        expiresAt: bearer.expiresAt,
        credential: bearer.credentialName ?? "",
      };
    },

    async grantOwner(request) {
      const check = new RequestCheck();
      const { project } = check.name("project", request.project, "project");
      const { person } = check.name("person", request.person, "person");
      check.done();
      await deps.members.grantFirstOwner(project, person);
      return {};
    },

    async forgetProject(request) {
      const check = new RequestCheck();
      const { project } = check.name("project", request.project, "project");
      check.done();
      await deps.forgetProject(project);
      return {};
    },

    async forgetGroup(request) {
      const check = new RequestCheck();
      const { project, group } = check.name("group", request.group, "group");
      check.done();
      await deps.authorizations.forgetGroup(project, group);
      return {};
    },

    async deriveSigningKeys(request) {
      const check = new RequestCheck();
      const { perCallMax } = SIGNING_SCOPES;
      check.that(request.scopes.length <= perCallMax, "scopes", `must be at most ${perCallMax}`);
      const dates = derivableDates(deps.now());
      const scopes = request.scopes.slice(0, perCallMax).map((scope, i) => checkScope(check, scope, dates, i));
      check.done();
      return { keys: await deps.signingKeys.derive(scopes) };
    },

    async listAccessKeyIds(request) {
      const check = new RequestCheck();
      const { project } = check.name("project", request.project, "project");
      check.done();
      return { keyIds: await deps.accessKeys.ids(project) };
    },

    async reprojectGrants() {
      return { entries: await deps.reproject() };
    },
  };
}

function checkScope(check: RequestCheck, scope: ProtoScope, dates: readonly string[], at: number): SigningScope {
  const field = (name: string) => `scopes[${at}].${name}`;
  const algorithm = profileOf(scope.algorithm)?.algorithm;
  check.that(algorithm !== undefined, field("algorithm"), "is not known");
  check.that(dates.includes(scope.date), field("date"), `must be one of ${dates.join(", ")}`);
  const part = { min: 1, max: SIGNING_SCOPES.partCharsMax };
  return {
    keyId: check.id("key", scope.keyId, field("key_id")),
    algorithm: algorithm!,
    date: scope.date,
    region: check.text(field("region"), scope.region, part),
    service: check.text(field("service"), scope.service, part),
  };
}
