import { randomUUID } from "node:crypto";
import {
  Authorization,
  AuthorizationServiceService,
  ListCallableDeploymentsResponse_CallableDeployment as CallableDeployment,
  KeyKind,
} from "@millrace/proto/auth/v1/authorizations";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import { done, many, one, type View } from "../output/answer.ts";
import { deploymentName, environmentOption, groupOption } from "./options.ts";

const kindWord = (kind: KeyKind) => (kind === KeyKind.SUBSCRIPTION_KEY ? "subscription" : "access");

const view: View<Authorization> = {
  json: Authorization.toJSON,
  cells: {
    key: ({ keyId }) => keyId,
    kind: ({ keyKind }) => kindWord(keyKind),
    note: ({ note }) => note,
    created: ({ createdAt }) => createdAt,
  },
};

const callableView: View<CallableDeployment> = {
  json: CallableDeployment.toJSON,
  cells: {
    deployment: ({ deployment }) => deployment,
    key: ({ keyId }) => keyId,
    kind: ({ keyKind }) => kindWord(keyKind),
    since: ({ createdAt }) => createdAt,
  },
};

interface DeploymentOptions {
  group: string;
  env: string;
}

export function registerAuthorization(registry: Registry): void {
  registry.command<DeploymentOptions & { note?: string }>({
    usage: "authorize <keyId>",
    description: "let a key, of this or another project, call a deployment",
    options: [groupOption(), environmentOption(), new Option("--note <text>", "whose key it is")],
    async run({ call, project }, [keyId = ""], options) {
      const parent = deploymentName(project, options);
      const request = { parent, keyId, note: options.note ?? "", requestId: randomUUID() };
      return one(view, await call(AuthorizationServiceService.createAuthorization, request));
    },
  });
  registry
    .noun("authorizations", "which keys may call which deployments")
    .command<DeploymentOptions>({
      usage: "list",
      description: "list the keys that may call a deployment",
      options: [groupOption(), environmentOption()],
      async run({ listAll, project }, _, options) {
        const request = { parent: deploymentName(project, options), pageSize: 0, pageToken: "" };
        const { listAuthorizations } = AuthorizationServiceService;
        return many(view, "authorizations", await listAll(listAuthorizations, request, (page) => page.authorizations));
      },
    })
    .command<DeploymentOptions>({
      usage: "delete <keyId>",
      description: "refuse a key at a deployment",
      options: [groupOption(), environmentOption()],
      async run({ call, project }, [keyId], options) {
        const name = `${deploymentName(project, options)}/authorizations/${keyId}`;
        await call(AuthorizationServiceService.deleteAuthorization, { name });
        return done({ deleted: name }, `deleted ${name}`);
      },
    })
    .command({
      usage: "callable",
      description: "list the deployments that the project's keys may call",
      async run({ listAll, project }) {
        const request = { parent: project, pageSize: 0, pageToken: "" };
        const { listCallableDeployments } = AuthorizationServiceService;
        const callable = await listAll(listCallableDeployments, request, (page) => page.callableDeployments);
        return many(callableView, "callableDeployments", callable);
      },
    });
}
