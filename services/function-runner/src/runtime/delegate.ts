import { runInThisContext } from "node:vm";

// What the light Request and Response have in common.

type Name = "Request" | "Response";

/**
 * Makes instances of `light` answer to everything that instances of the platform's class answer to, by asking the real one. Answers how to
 * come by the platform's class. Node loads what is behind it when it is first asked for, if only for its descriptor; that takes longer than
 * all else of a start, and a third of an idle instance's memory. Here it is when somebody asks a light one for what it has not itself.
 */
export function delegate<Class extends Name>(
  light: { prototype: object },
  name: Class,
  realOf: (value: object) => object,
): () => (typeof globalThis)[Class] {
  let platform: (typeof globalThis)[Class] | undefined;
  const { prototype } = light;
  const load = () => {
    if (!platform) {
      platform = globalThis[name];
      delegateNow(prototype, platform.prototype, realOf);
    }
    return platform;
  };
  const asked = {
    // Whoever awaits a value asks it for `then`, which none has.
    get: (_: object, key: PropertyKey, one: unknown) =>
      key === "then" ? undefined : Reflect.get(load() && prototype, key, one),
    set: (_: object, key: PropertyKey, value: unknown, one: unknown) =>
      Reflect.set(load() && prototype, key, value, one),
    has: (_: object, key: PropertyKey) => Reflect.has(load() && prototype, key),
    // Frameworks ask of what handlers return whether it is a promise; what a request is, only those ask who mean it.
    ...(name === "Request" && { getPrototypeOf: () => load().prototype }),
  };
  Object.setPrototypeOf(prototype, new Proxy({}, asked));
  return load;
}

/** Gives code a class under the platform's name. What \`globalThis\` holds under it is left as it is: to replace it is to lose the real one. */
export const nameGlobally: (name: Name, value: unknown) => void = runInThisContext(
  "let Request, Response; (name, value) => { if (name === 'Request') Request = value; else Response = value; }",
);

function delegateNow(light: object, platform: object, realOf: (value: object) => object): void {
  Object.setPrototypeOf(light, platform);
  for (const key of Reflect.ownKeys(platform)) {
    const { get, value, ...rest } = Object.getOwnPropertyDescriptor(platform, key)!;
    if (Object.hasOwn(light, key)) continue;
    if (get) {
      Object.defineProperty(light, key, {
        ...rest,
        get(this: object) {
          return Reflect.get(realOf(this), key);
        },
      });
    } else if (typeof value === "function") {
      Object.defineProperty(light, key, {
        ...rest,
        value(this: object, ...values: unknown[]) {
          return Reflect.apply(value, realOf(this), values);
        },
      });
    }
  }
}

/** Flat headers as the platform's constructors take them. */
export function pairsOf(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[at * 2]!, flat[at * 2 + 1]!]);
}

/** Whether it may be one of the platform's: when nobody has loaded its class, nothing is. */
export function isTagged(value: unknown, name: Name): boolean {
  return Object.prototype.toString.call(value) === `[object ${name}]`;
}
