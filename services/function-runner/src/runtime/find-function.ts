import type { HandlerShape } from "../sandbox/sandbox-frames.ts";

// Which export of a module is the function. Named: that export, of the module or of its default (which is module.exports of CommonJS).
// Not named: a default with `fetch`, else `handler`, else a default that is a function.

// biome-ignore lint/suspicious/noExplicitAny: a function's arguments and result are its own.
export type AnyFunction = (...values: any[]) => unknown;

export interface FoundFunction {
  shape: HandlerShape;
  call: AnyFunction;
}

type Exports = Record<string, unknown>;

/** Throws an error that says which exports there are. */
export function findFunction(module: Exports, name: string): FoundFunction {
  const found = name === "" ? findDefault(module) : asFunction(lookUp(module, name));
  if (found) return found;
  const exports = listExports(module);
  const looked = name || "handler";
  if (exports.includes(looked)) throw new Error(`The export \`${looked}\` is no function.`);
  const wanted = name === "" ? "`handler`, or a default export with `fetch`," : `\`${name}\``;
  throw new Error(
    `The code exports no ${wanted} that can be called; ${exports.length === 0 ? "it exports nothing" : `it exports ${exports.join(", ")}`}.`,
  );
}

/** Names of the exports; those of module.exports stand for a CommonJS module. */
export function listExports(module: Exports): string[] {
  const names = new Set(Object.keys(module));
  if (isObject(module.default)) for (const name of Object.keys(module.default)) names.add(name);
  return [...names].slice(0, 100);
}

function findDefault(module: Exports): FoundFunction | undefined {
  const { default: main } = module;
  const inner = isObject(main) ? main.default : undefined;
  return (
    asFetch(main) ?? asFetch(inner) ?? asFunction(lookUp(module, "handler")) ?? asFunction(main) ?? asFunction(inner)
  );
}

function lookUp(module: Exports, name: string): unknown {
  if (Object.hasOwn(module, name)) return module[name];
  return isObject(module.default) ? module.default[name] : undefined;
}

function asFunction(value: unknown): FoundFunction | undefined {
  return asFetch(value) ?? (typeof value === "function" ? { shape: "handler", call: value as AnyFunction } : undefined);
}

function asFetch(value: unknown): FoundFunction | undefined {
  if (!isObject(value) || typeof value.fetch !== "function") return undefined;
  return { shape: "fetch", call: (value.fetch as AnyFunction).bind(value) };
}

function isObject(value: unknown): value is Exports {
  return (typeof value === "object" || typeof value === "function") && value !== null;
}
