/** Values that must be found nowhere, in any of the spellings in which they could slip out. */
export type Finding = { readonly canary: string; readonly where: string };

export class Canaries {
  readonly #spellings = new Map<string, readonly Buffer[]>();

  get names(): string[] {
    return [...this.#spellings.keys()];
  }

  /** A value of under 12 characters would be found by chance. */
  plant(name: string, value: string): string {
    if (value.length < 12) throw new Error(`${name} is too short to be a canary`);
    const bytes = Buffer.from(value);
    const spellings = [
      value,
      bytes.toString("hex"),
      bytes.toString("base64").replace(/=+$/, ""),
      encodeURIComponent(value),
    ];
    this.#spellings.set(
      name,
      [...new Set(spellings)].map((spelling) => Buffer.from(spelling)),
    );
    return value;
  }

  /** The canaries that are in these bytes. */
  findIn(where: string, content: Uint8Array | string): Finding[] {
    const bytes = Buffer.from(content as string);
    return [...this.#spellings].flatMap(([canary, spellings]) =>
      spellings.some((spelling) => bytes.includes(spelling)) ? [{ canary, where }] : [],
    );
  }
}
