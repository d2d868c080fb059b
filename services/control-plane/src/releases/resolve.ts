import { PlatformError } from "@millrace/errors";
import type { Transaction } from "@millrace/sql";
import { type Backend, type FunctionBackend, LATEST } from "../apis/api.ts";
import type { RoutedApi } from "../apis/api-store.ts";
import { findAlias } from "../functions/alias-store.ts";
import type { FunctionDraft } from "../functions/function.ts";
import { lockFunctions } from "../functions/function-store.ts";
import { publishDraft } from "../functions/version-service.ts";
import { findVersion } from "../functions/version-store.ts";
import { someOf } from "../requests/violations.ts";
import type { ResolvedApi, ResolvedFunction, ResolvedRelease, ResolvedRule } from "./compile.ts";
import type { RoutingRule } from "./release.ts";

// Resolves the backend of every API of a release: its own, else the environment's. A version number is pinned; `LATEST` is published and
// pinned; an alias stays a live pointer.

export interface Choices {
  project: string;
  apis: readonly RoutedApi[];
  environmentBackend: Backend | undefined;
  routingRules: readonly RoutingRule[];
  description: string;
}

/**
 * Locks every function that the release calls, and publishes drafts where `LATEST` is asked for. Errors: `failed_precondition`
 * backend_unresolved naming the APIs, function_has_no_code.
 */
export async function resolveBackends(tx: Transaction, choices: Choices): Promise<ResolvedRelease> {
  const { project, apis, environmentBackend, routingRules, description } = choices;
  const chosen = apis.map((api) => ({ api, backend: api.definition.backend ?? environmentBackend }));
  const functions = new FunctionResolver(tx, description);
  const backends = [...chosen, ...routingRules].map(({ backend }) => backend);
  await functions.lock(project, [
    ...new Set(backends.flatMap((backend) => (backend?.kind === "function" ? [backend.function] : []))),
  ]);
  const unresolved: string[] = [];
  const resolved: ResolvedApi[] = [];
  for (const { api, backend } of chosen) {
    const target = await targetOf(api, backend, functions);
    if (typeof target === "string") unresolved.push(`API ${api.id} ${target}`);
    else resolved.push({ api, backend: target, hasRules: routingRules.length > 0 && !api.definition.backend });
  }
  const rules: ResolvedRule[] = [];
  for (const rule of routingRules) {
    const target = await ruleTargetOf(rule, apis, functions);
    if (typeof target === "string") unresolved.push(`routing rule ${rule.name} ${target}`);
    else rules.push({ rule, backend: target });
  }
  if (unresolved.length > 0) throw backendUnresolved(unresolved);
  return { apis: resolved, rules };
}

const MAPS = "maps its request for an http backend, and has a function";

/** The target, or what is wrong. */
async function targetOf(api: RoutedApi, backend: Backend | undefined, functions: FunctionResolver) {
  if (backend?.kind !== "function") return backend ?? "has no backend";
  return api.definition.backendRequest ? MAPS : functions.resolve(backend);
}

async function ruleTargetOf({ backend }: RoutingRule, apis: readonly RoutedApi[], functions: FunctionResolver) {
  if (backend.kind !== "function") return backend;
  const mapped = apis.find(({ definition }) => definition.backendRequest && !definition.backend);
  return mapped ? `holds for API ${mapped.id}, which ${MAPS}` : functions.resolve(backend);
}

/** Answers each function and qualifier once, however many APIs call it. */
class FunctionResolver {
  readonly #tx: Transaction;
  readonly #description: string;
  readonly #drafts = new Map<string, FunctionDraft>();
  readonly #targets = new Map<string, ResolvedFunction["target"] | string>();

  constructor(tx: Transaction, description: string) {
    this.#tx = tx;
    this.#description = description;
  }

  async lock(project: string, ids: readonly string[]): Promise<void> {
    for (const draft of await lockFunctions(this.#tx, project, ids)) this.#drafts.set(draft.id, draft);
  }

  /** The target, or what is wrong. */
  async resolve(backend: FunctionBackend): Promise<ResolvedFunction | string> {
    const { function: id, qualifier, eventFormat } = backend;
    const draft = this.#drafts.get(id);
    if (!draft) return `calls the function ${id}, which does not exist`;
    const key = `${id}@${qualifier}`;
    const target = this.#targets.get(key) ?? (await this.#targetOf(draft, qualifier));
    this.#targets.set(key, target);
    return typeof target === "string" ? target : { kind: "function", id, uid: draft.uid, target, eventFormat };
  }

  async #targetOf(draft: FunctionDraft, qualifier: string): Promise<ResolvedFunction["target"] | string> {
    const { id, uid } = draft;
    if (qualifier === LATEST) return { version: (await publishDraft(this.#tx, draft, this.#description)).number };
    if (/^\d+$/.test(qualifier)) {
      const version = await findVersion(this.#tx, uid, Number(qualifier));
      return version ? { version: version.number } : `calls ${id}@${qualifier}, a version that does not exist`;
    }
    const alias = await findAlias(this.#tx, uid, qualifier);
    return alias ? { alias: alias.id } : `calls ${id}@${qualifier}, an alias that does not exist`;
  }
}

export function backendUnresolved(what: readonly string[]): PlatformError {
  return new PlatformError("failed_precondition", `Backends cannot be resolved: ${someOf(what)}.`, {
    reason: "backend_unresolved",
    violations: what.map((description) => ({ field: "revision", description })),
  });
}
