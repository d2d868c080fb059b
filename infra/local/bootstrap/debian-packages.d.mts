export type PackageRequest = {
  readonly packages: readonly string[];
  /** A Debian suite, or `host` for the release that this machine runs. */
  readonly suite: "sid" | "host";
  /** Also fetch the packages these depend on, as far as the machine lacks them. */
  readonly withDependencies: boolean;
  /** The folder that will hold the unpacked files; it appears when all of them are there. */
  readonly into: string;
  /** For each command that is run; by default minutes, for what one cannot do without. */
  readonly timeoutMs?: number;
};
export function whyNoPackages(): string | undefined;
export function fetchDebianPackages(request: PackageRequest): Promise<void>;
export function libraryPath(folder: string): string;
