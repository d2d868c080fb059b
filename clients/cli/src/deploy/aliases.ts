import { randomUUID } from "node:crypto";
import {
  type Alias,
  type AliasTarget,
  type FunctionMessage,
  FunctionServiceService,
  type FunctionVersion,
} from "@millrace/proto/control/v1/functions";
import { idOf } from "../output/answer.ts";
import type { PlatformClient } from "../platform-client.ts";
import { isNewer } from "./draft.ts";
import type { ManifestAlias } from "./manifest.ts";
import type { Step } from "./plan.ts";

// Aliases of a manifest: each points to a version that it names, or else to what the deploy makes of the draft.

export interface CurrentAliases {
  aliases: ReadonlyMap<string, Alias>;
  /** The newest version, unset when there is none. */
  newest: FunctionVersion | undefined;
}

export interface AliasStep extends Step {
  functionId: string;
  desired: ManifestAlias;
  /** Whether it has to point elsewhere than it does. */
  moves: boolean;
}

export async function readAliases(
  platform: PlatformClient,
  { name: parent, latestVersion }: FunctionMessage,
): Promise<CurrentAliases> {
  const request = { parent, pageSize: 0, pageToken: "" };
  const aliases = await platform.listAll(FunctionServiceService.listAliases, request, (page) => page.aliases);
  const name = `${parent}/versions/${latestVersion}`;
  const newest =
    latestVersion > 0 ? await platform.call(FunctionServiceService.getFunctionVersion, { name }) : undefined;
  return { aliases: new Map(aliases.map((alias) => [idOf(alias.name), alias])), newest };
}

interface Scene {
  draft: FunctionMessage | undefined;
  /** Whether the plan changes the draft before. */
  draftChanges: boolean;
  current: CurrentAliases | undefined;
}

export function planAlias(
  functionId: string,
  desired: ManifestAlias,
  { draft, draftChanges, current }: Scene,
): AliasStep {
  const { newest, aliases } = current ?? {};
  const isPublished = !draftChanges && draft !== undefined && newest !== undefined && !isNewer(draft, newest);
  const version = desired.version ?? (isPublished ? newest.number : undefined);
  const found = aliases?.get(desired.id);
  const moves = version === undefined || !pointsTo(found, version);
  const changes = moves ? [version === undefined ? "to a new version" : `to ${version}`] : [];
  if (desired.minInstances !== (found?.minInstances ?? 0)) changes.push("minInstances");
  const action = !found ? "create" : changes.length > 0 ? "update" : "unchanged";
  return { kind: "alias", name: `${functionId} ${desired.id}`, action, changes, functionId, desired, moves };
}

function pointsTo(alias: Alias | undefined, version: number): boolean {
  return alias?.targets.length === 1 && alias.targets[0]?.version === version;
}

export async function applyAlias(
  platform: PlatformClient,
  project: string,
  { functionId, desired, moves, action }: AliasStep,
): Promise<void> {
  const parent = `${project}/functions/${functionId}`;
  const { id, minInstances } = desired;
  const targets = moves ? [await targetOf(platform, parent, desired)] : [];
  if (action === "create") {
    const request = { parent, aliasId: id, targets, description: "", minInstances, requestId: randomUUID() };
    await platform.call(FunctionServiceService.createAlias, request);
  } else {
    const request = { name: `${parent}/aliases/${id}`, targets, minInstances, etag: "" };
    await platform.call(FunctionServiceService.updateAlias, request);
  }
}

async function targetOf(platform: PlatformClient, name: string, { version }: ManifestAlias): Promise<AliasTarget> {
  if (version !== undefined) return { version, weight: 100 };
  const { number } = await platform.call(FunctionServiceService.publishVersion, { name, description: "" });
  return { version: number, weight: 100 };
}
