import { randomUUID } from "node:crypto";
import { PlatformError } from "@millrace/errors";
import {
  AccessKey,
  AccessKeyServiceService,
  CreateAccessKeyResponse,
  CreateSubscriptionKeyResponse,
  SubscriptionKey,
  SubscriptionKeyServiceService,
} from "@millrace/proto/auth/v1/keys";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { done, many, one, type View } from "../output/answer.ts";
import { authorizeLike, rotationAnswer } from "./key-rotation.ts";
import { type SecretAnswer, saveOnce, saveOption } from "./save-once.ts";

type Kind = "access" | "subscription";
type Key = { kind: Kind; key: AccessKey };

const view: View<Key> = {
  json: ({ kind, key }) => ({
    kind,
    ...Object(kind === "access" ? AccessKey.toJSON(key) : SubscriptionKey.toJSON(key)),
  }),
  cells: {
    id: ({ key }) => key.keyId,
    kind: ({ kind }) => kind,
    name: ({ key }) => key.displayName,
    disabled: ({ key }) => key.disabled,
    created: ({ key }) => key.createdAt,
  },
};

const kindOption = (description: string) =>
  new Option("--kind <kind>", description).choices(["access", "subscription"]);

export function registerKey(registry: Registry): void {
  registry
    .noun("key", "keys with which callers prove who they are")
    .command<{ kind: Kind; save?: string }>({
      usage: "create <name>",
      description: "make a key; its secret is shown once",
      options: [kindOption("one that signs, or one that is sent").default("access"), saveOption()],
      examples: ["millrace key create shop --save shop-key.json"],
      run: (context, [displayName = ""], { kind, save }) =>
        saveOnce(context, save, () => create(context, kind, displayName)),
    })
    .command<{ save?: string }>({
      usage: "rotate <keyId> <name>",
      description: "make a key that may call what another may, so that callers can change over without a gap",
      options: [saveOption()],
      examples: ["millrace key rotate MR… shop-2027 --save shop-2027.json"],
      async run(context, [oldId = "", displayName = ""], { save }) {
        const { kind } = await find(context, oldId);
        let keyId = "";
        const answer = await saveOnce(context, save, async () => {
          const made = await create(context, kind, displayName);
          keyId = made.keyId;
          return made;
        });
        return rotationAnswer(answer, oldId, keyId, await authorizeLike(context, oldId, keyId));
      },
    })
    .command<{ kind?: Kind }>({
      usage: "list",
      description: "list the project's keys",
      options: [kindOption("only keys of this kind")],
      async run(context, _, { kind }) {
        const keys = [
          ...(kind === "subscription" ? [] : await accessKeys(context)),
          ...(kind === "access" ? [] : await subscriptionKeys(context)),
        ];
        return many(view, "keys", keys);
      },
    })
    .command({
      usage: "disable <keyId>",
      description: "refuse a key on every gateway",
      run: async (context, [keyId = ""]) => one(view, await setDisabled(context, keyId, true)),
    })
    .command({
      usage: "enable <keyId>",
      description: "accept a key again",
      run: async (context, [keyId = ""]) => one(view, await setDisabled(context, keyId, false)),
    })
    .command({
      usage: "delete <keyId>",
      description: "delete a key and its authorisations",
      async run(context, [keyId = ""]) {
        const { kind, key } = await find(context, keyId);
        const request = { name: key.name, etag: "" };
        if (kind === "access") await context.call(AccessKeyServiceService.deleteAccessKey, request);
        else await context.call(SubscriptionKeyServiceService.deleteSubscriptionKey, request);
        return done({ deleted: key.name }, `deleted ${key.name}`);
      },
    });
}

async function create(context: Context, kind: Kind, displayName: string): Promise<SecretAnswer & { keyId: string }> {
  const request = { parent: context.project, displayName, requestId: randomUUID() };
  if (kind === "access") {
    const answer = await context.call(AccessKeyServiceService.createAccessKey, request);
    const { keyId = "" } = answer.accessKey ?? {};
    const text = `access key ${keyId}`;
    return { keyId, json: CreateAccessKeyResponse.toJSON(answer), text, secret: answer.secret };
  }
  const answer = await context.call(SubscriptionKeyServiceService.createSubscriptionKey, request);
  const { keyId = "" } = answer.subscriptionKey ?? {};
  const text = `subscription key ${keyId}`;
  return { keyId, json: CreateSubscriptionKeyResponse.toJSON(answer), text, secret: answer.value };
}

async function accessKeys({ listAll, project }: Context): Promise<Key[]> {
  const request = { parent: project, pageSize: 0, pageToken: "" };
  const keys = await listAll(AccessKeyServiceService.listAccessKeys, request, (page) => page.accessKeys);
  return keys.map((key) => ({ kind: "access", key }));
}

async function subscriptionKeys({ listAll, project }: Context): Promise<Key[]> {
  const request = { parent: project, pageSize: 0, pageToken: "" };
  const { listSubscriptionKeys } = SubscriptionKeyServiceService;
  const keys = await listAll(listSubscriptionKeys, request, (page) => page.subscriptionKeys);
  return keys.map((key) => ({ kind: "subscription", key }));
}

async function setDisabled(context: Context, keyId: string, disabled: boolean): Promise<Key> {
  const { kind, key } = await find(context, keyId);
  const request = { name: key.name, displayName: undefined, disabled, etag: key.etag };
  if (kind === "access") return { kind, key: await context.call(AccessKeyServiceService.updateAccessKey, request) };
  return { kind, key: await context.call(SubscriptionKeyServiceService.updateSubscriptionKey, request) };
}

/** Key ids are unique over both kinds. */
async function find(context: Context, keyId: string): Promise<Key> {
  try {
    const name = `${context.project}/accessKeys/${keyId}`;
    return { kind: "access", key: await context.call(AccessKeyServiceService.getAccessKey, { name }) };
  } catch (error) {
    if (!(error instanceof PlatformError) || error.code !== "not_found") throw error;
  }
  const name = `${context.project}/subscriptionKeys/${keyId}`;
  return { kind: "subscription", key: await context.call(SubscriptionKeyServiceService.getSubscriptionKey, { name }) };
}
