import { LIMITS } from "../limits.ts";
import { Violations } from "../requests/violations.ts";
import { type AskedEgress, checkEgress, settledEgress } from "./egress.ts";
import type { FunctionConfig } from "./function.ts";

/** A configuration as a client sends it: 0 and "" mean the default, secrets are in the clear. */
export interface AskedConfig {
  handler: string;
  memoryMib: number;
  timeoutMs: number;
  concurrency: number;
  maxConcurrencyPerRunner: number;
  environment: Readonly<Record<string, string>>;
  secrets: Readonly<Record<string, string>>;
  egress: AskedEgress | undefined;
}

const KEY = /^[A-Za-z][A-Za-z0-9_]*$/;
const RESERVED = /^(MILLRACE|NODE)_/;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

export const NO_CONFIG: AskedConfig = {
  handler: "",
  memoryMib: 0,
  timeoutMs: 0,
  concurrency: 0,
  maxConcurrencyPerRunner: 0,
  environment: {},
  secrets: {},
  egress: undefined,
};

/** Throws `invalid_argument` naming every failing field. `kept` are the keys of secrets that have a value already. */
export function checkConfig(config: AskedConfig, kept: readonly string[]): void {
  const violations = new Violations();
  const { memoryMib, timeoutMs, concurrency, maxConcurrencyPerRunner } = LIMITS;
  violations.unless(
    config.handler === "" || (IDENTIFIER.test(config.handler) && config.handler.length <= LIMITS.handlerCharsMax),
    "config.handler",
    "must be the name of an export",
  );
  checkRange(violations, "config.memory_mib", config.memoryMib, memoryMib);
  checkRange(violations, "config.timeout_ms", config.timeoutMs, timeoutMs);
  checkRange(violations, "config.concurrency", config.concurrency, concurrency);
  const asked = config.maxConcurrencyPerRunner;
  checkRange(violations, "config.max_concurrency_per_runner", asked, maxConcurrencyPerRunner);
  checkVariables(violations, config, kept);
  if (config.egress) checkEgress(violations, config.egress);
  violations.throwIfAny();
}

/** Throws `invalid_argument` naming every failing field. */
export function checkSecretValue(key: string, value: string): void {
  const violations = new Violations();
  const known = KEY.test(key) && key.length <= LIMITS.variableKeyBytesMax;
  violations.unless(
    known,
    "key",
    `must be at most ${LIMITS.variableKeyBytesMax} letters, digits and _, beginning with a letter`,
  );
  const bytes = Buffer.byteLength(value);
  const fits = bytes >= 1 && bytes <= LIMITS.variableValueBytesMax && !value.includes("\0");
  violations.unless(fits, "value", `must have 1 to ${LIMITS.variableValueBytesMax} bytes and no NUL`);
  violations.throwIfAny();
}

/** 0 means the default. Throws `invalid_argument` naming `versions_kept`. */
export function settledVersionsKept(asked: number): number {
  const violations = new Violations();
  checkRange(violations, "versions_kept", asked, LIMITS.versionsKept);
  violations.throwIfAny();
  return asked || LIMITS.versionsKept.default;
}

/** The configuration to store. `seal` makes a secret unreadable here. */
export function settledConfig(
  asked: AskedConfig,
  kept: FunctionConfig["sealedSecrets"],
  seal: (key: string, value: string) => string,
): FunctionConfig {
  const sealed = Object.entries(asked.secrets).map(([key, value]) => [
    key,
    value === "" ? kept[key]! : seal(key, value),
  ]);
  return {
    handler: asked.handler,
    memoryMib: asked.memoryMib || LIMITS.memoryMib.default,
    timeoutMs: asked.timeoutMs || LIMITS.timeoutMs.default,
    concurrency: asked.concurrency,
    maxConcurrencyPerRunner: asked.maxConcurrencyPerRunner,
    environment: { ...asked.environment },
    sealedSecrets: Object.fromEntries(sealed),
    egress: settledEgress(asked.egress),
  };
}

function checkRange(violations: Violations, field: string, value: number, { min, max }: { min: number; max: number }) {
  violations.unless(value === 0 || (value >= min && value <= max), field, `must be from ${min} to ${max}`);
}

function checkVariables(violations: Violations, { environment, secrets }: AskedConfig, kept: readonly string[]): void {
  const count = Object.keys(environment).length + Object.keys(secrets).length;
  violations.unless(
    count <= LIMITS.variablesMax,
    "config.environment",
    `there may be at most ${LIMITS.variablesMax} variables and secrets in all`,
  );
  for (const [key, value] of Object.entries(environment)) checkVariable(violations, "config.environment", key, value);
  for (const [key, value] of Object.entries(secrets)) {
    const field = "config.secrets";
    violations.unless(
      !Object.hasOwn(environment, key),
      `${field}.${key}`,
      "is a variable too; a key is one or the other",
    );
    if (value !== "") checkVariable(violations, field, key, value);
    else violations.unless(kept.includes(key), `${field}.${key}`, "has no value yet that could be kept");
  }
}

function checkVariable(violations: Violations, map: string, key: string, value: string): void {
  const field = `${map}.${key.slice(0, LIMITS.variableKeyBytesMax)}`;
  const { variableKeyBytesMax, variableValueBytesMax } = LIMITS;
  violations.unless(
    KEY.test(key) && key.length <= variableKeyBytesMax,
    field,
    `a key must be at most ${variableKeyBytesMax} letters, digits and _, beginning with a letter`,
  );
  violations.unless(!RESERVED.test(key), field, "keys that begin with MILLRACE_ or NODE_ are reserved");
  const bytes = Buffer.byteLength(value);
  violations.unless(
    bytes >= 1 && bytes <= variableValueBytesMax && !value.includes("\0"),
    field,
    `a value must have 1 to ${variableValueBytesMax} bytes and no NUL`,
  );
}
