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
import type { ResolvedApi, ResolvedFunction } from "./compile.ts";

// Resolves the backend of every API of a release: its own, else the environment's. A version number is pinned; `LATEST` is published and
// pinned; an alias stays a live pointer.

/**
 * Locks every function that the release calls, and publishes drafts where `LATEST` is asked for. Errors: `failed_precondition`
 * backend_unresolved naming the APIs, function_has_no_code.
 */
export async function resolveBackends(
  tx: Transaction,
  release: {
    project: string;
    apis: readonly RoutedApi[];
    environmentBackend: Backend | undefined;
    description: string;
  },
): Promise<ResolvedApi[]> {
  const { project, apis, environmentBackend, description } = release;
  const chosen = apis.map((api) => ({ api, backend: api.definition.backend ?? environmentBackend }));
  const functions = new FunctionResolver(tx, description);
  await functions.lock(project, [
    ...new Set(chosen.flatMap(({ backend }) => (backend?.kind === "function" ? [backend.function] : []))),
  ]);
  const unresolved: string[] = [];
  const resolved: ResolvedApi[] = [];
  for (const { api, backend } of chosen) {
    const target = await targetOf(api, backend, functions);
    if (typeof target === "string") unresolved.push(`${api.id} ${target}`);
    else resolved.push({ api, backend: target });
  }
  if (unresolved.length > 0) throw backendUnresolved(unresolved);
  return resolved;
}

/** The target, or what is wrong. */
async function targetOf(api: RoutedApi, backend: Backend | undefined, functions: FunctionResolver) {
  if (backend?.kind !== "function") return backend ?? "has no backend";
  if (api.definition.backendRequest) return "maps its request for an http backend, and has a function";
  return functions.resolve(backend);
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

export function backendUnresolved(apis: readonly string[]): PlatformError {
  return new PlatformError("failed_precondition", `Backends cannot be resolved: API ${someOf(apis)}.`, {
    reason: "backend_unresolved",
    violations: apis.map((description) => ({ field: "revision", description: `API ${description}` })),
  });
}
