// What the light Request and Response have in common.

/** Makes instances of `light` answer to everything that instances of `platform` answer to, by asking the real one. */
export function delegate(
  light: { prototype: object },
  platform: { prototype: object },
  realOf: (value: object) => object,
): void {
  Object.setPrototypeOf(light.prototype, platform.prototype);
  for (const key of Reflect.ownKeys(platform.prototype)) {
    const { get, value, ...rest } = Object.getOwnPropertyDescriptor(platform.prototype, key)!;
    if (Object.hasOwn(light.prototype, key)) continue;
    if (get) {
      Object.defineProperty(light.prototype, key, {
        ...rest,
        get(this: object) {
          return Reflect.get(realOf(this), key);
        },
      });
    } else if (typeof value === "function") {
      Object.defineProperty(light.prototype, key, {
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
