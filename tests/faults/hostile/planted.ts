/** What lies about on a machine that runs the platform, for hostile functions to find: secrets, and files that everybody may write. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Canaries, type TestPlatform } from "@millrace/e2e-tests";

const fresh = (): string => `canary-${randomBytes(18).toString("hex")}`;

export class Planted {
  /** What nobody else may be told. */
  readonly secrets = new Canaries();
  /** Those of them that must not travel on the bus either. */
  readonly sealed = new Canaries();
  readonly neighbour = { variable: fresh(), inCode: fresh() };
  /** Of everybody: whoever can name it can read it and write it. Not below /tmp, which a sandbox has its own of. */
  readonly openFolder = mkdtempSync("/var/tmp/millrace-open-");
  readonly openFile = join(this.openFolder, "canary.json");
  readonly stateFile: string;
  readonly #content = JSON.stringify({ version: 3, sources: [fresh()], names: [], mappings: "AAAA" });
  readonly #stateContent = fresh();

  constructor(platform: TestPlatform) {
    this.stateFile = join(platform.stateDirectory, "canary");
    writeFileSync(this.openFile, this.#content);
    writeFileSync(this.stateFile, this.#stateContent, { mode: 0o600 });
    chmodSync(this.openFolder, 0o777);
    chmodSync(this.openFile, 0o666);
    this.secrets.plant("the file that is open to all", JSON.parse(this.#content).sources[0]);
    this.secrets.plant("the code of another project", this.neighbour.inCode);
    this.#seal("a file of the platform's state", this.#stateContent);
    this.#seal("another project's secret variable", this.neighbour.variable);
    this.#seal("the operator's password", platform.operator.password);
    for (const file of readdirSync(platform.secretsFolder)) {
      const text = readFileSync(join(platform.secretsFolder, file), "utf8").trim();
      if (/PRIVATE KEY/.test(text)) this.#seal(file, text.split("\n")[1]!.slice(-40));
      else if (/\.(seed|password|key)$/.test(file)) this.#seal(file, text);
    }
  }

  /** What was done to the files, one line each. */
  get damage(): string[] {
    const listed = readdirSync(this.openFolder);
    return [
      ...(listed.join() === "canary.json" ? [] : [`${this.openFolder} holds ${listed.join()}`]),
      ...(readFileSync(this.openFile, "utf8") === this.#content ? [] : [`${this.openFile} was changed`]),
      ...(readFileSync(this.stateFile, "utf8") === this.#stateContent ? [] : [`${this.stateFile} was changed`]),
    ];
  }

  remove(): void {
    rmSync(this.openFolder, { recursive: true, force: true });
  }

  #seal(name: string, value: string): void {
    this.secrets.plant(name, value);
    this.sealed.plant(name, value);
  }
}
