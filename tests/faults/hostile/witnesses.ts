/** Those around a hostile function, who must not notice it: the platform's processes, files, the bus, other addresses, a neighbour. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { BusObserver, type Heard, residentBytes, type TestPlatform, testPlatform } from "@millrace/e2e-tests";
import { unprivilegedHome } from "@millrace/local";
import { Decoy } from "./decoy.ts";
import { diskBytesOf } from "./disk.ts";
import { Honeypot } from "./honeypot.ts";
import { Neighbour } from "./neighbour.ts";
import { Planted } from "./planted.ts";

const MIB = 1024 ** 2;
const SUPERVISOR_GROWTH_MIB_MAX = 200;
const DISK_BYTES_MAX = 1024 * MIB;
/** A message is searched for secrets as far as this; hostile answers may be long. */
const SEARCHED_BYTES = 64 * 1024;
/** What the platform itself speaks of on its bus. */
const SUBJECTS =
  /^(mr\.(runner|gateway|beat|claim|build|trial|serving|served)|logs|requests|usage|_INBOX|\$(JS|KV|O|SYS))(\.|$)/;
/** Functions write it wherever a broker might read it. */
export const MARK = "hostile-mark";

type Parts = {
  readonly platform: TestPlatform;
  readonly planted: Planted;
  readonly neighbour: Neighbour;
  readonly honeypot: Honeypot;
  readonly decoy: Decoy;
  /** What was heard on the bus and does not belong there. */
  readonly busFaults: ReadonlySet<string>;
};

export class Witnesses {
  readonly platform: TestPlatform;
  readonly planted: Planted;
  readonly neighbour: Neighbour;
  readonly honeypot: Honeypot;
  readonly decoy: Decoy;
  readonly #busFaults: ReadonlySet<string>;
  readonly #processesBefore: string;
  readonly #supervisorBytesBefore: number;

  private constructor({ platform, planted, neighbour, honeypot, decoy, busFaults }: Parts) {
    this.platform = platform;
    this.planted = planted;
    this.neighbour = neighbour;
    this.honeypot = honeypot;
    this.decoy = decoy;
    this.#busFaults = busFaults;
    this.#processesBefore = this.#processes;
    this.#supervisorBytesBefore = residentBytes(this.supervisor);
  }

  /** Starts a platform and gathers them around it. To be called once per file, at its top. */
  static async gather(): Promise<Witnesses> {
    const busFaults = new Set<string>();
    let planted: Planted | undefined;
    const observer = new BusObserver((heard) => {
      for (const fault of faultsOf(heard, planted)) busFaults.add(fault);
    });
    const decoy = await Decoy.open();
    const platform = await testPlatform({ natsUsers: [observer.natsUser], egressAllow: [decoy.address] });
    planted = new Planted(platform);
    await observer.listen(platform.natsUrl);
    const honeypot = await Honeypot.open();
    const neighbour = await Neighbour.moveIn(platform, planted.neighbour);
    const witnesses = new Witnesses({ platform, planted, neighbour, honeypot, decoy, busFaults });
    after(async () => {
      await neighbour.moveOut();
      await observer.close();
      honeypot.close();
      decoy.close();
      witnesses.planted.remove();
    });
    return witnesses;
  }

  get supervisor(): number {
    return this.platform.service("runner-1").pid!;
  }

  get supervisorGrowthMib(): number {
    return Math.round((residentBytes(this.supervisor) - this.#supervisorBytesBefore) / MIB);
  }

  /** Where the runner keeps the folders of its sandboxes. */
  get cells(): string {
    return `${unprivilegedHome(this.platform.stateDirectory)}/runners/runner-1/sandboxes`;
  }

  /** Where the platform listens, but for its callers. */
  get ports(): number[] {
    const ports = JSON.parse(readFileSync(join(this.platform.stateDirectory, "ports.json"), "utf8")) as object;
    return Object.entries(ports).flatMap(([name, port]) => (/^gateway.*http$/.test(name) ? [] : [port as number]));
  }

  /** All is as before; `isAlone`: functions have a network of their own. */
  async assertUnharmed(isAlone: boolean): Promise<void> {
    await this.neighbour.answersStill();
    assert.deepEqual(this.neighbour.faults, [], "the neighbour's callers");
    assert.deepEqual(this.planted.damage, [], "files outside");
    assert.deepEqual([...this.#busFaults], [], "what is said on the bus");
    if (isAlone) assert.deepEqual(this.honeypot.visits, [], "who came to another address");
    assert.equal(this.#processes, this.#processesBefore, "the platform's processes");
    const ended = this.platform.said.filter((line) => / ended /.test(line));
    assert.deepEqual(ended, [], "what the platform said");
    const grown = this.supervisorGrowthMib;
    assert.ok(grown < SUPERVISOR_GROWTH_MIB_MAX, `the supervisor has grown by ${grown} MiB`);
    assert.ok(diskBytesOf(this.cells) < DISK_BYTES_MAX, "the disk is not filled");
  }

  assertKeepsSecrets(where: string, text: string): void {
    assert.deepEqual(this.planted.secrets.findIn(where, text), []);
  }

  /** No process of the platform has written down what may not be. */
  assertLogsKeepSecrets(): void {
    const { logsFolder } = this.platform;
    for (const file of readdirSync(logsFolder)) {
      assert.deepEqual(this.planted.secrets.findIn(file, readFileSync(join(logsFolder, file))), []);
    }
  }

  get #processes(): string {
    const engines = Object.values(this.platform.engines).flatMap((engine) => engine.process ?? []);
    return [...this.platform.services, ...engines].map(({ name, pid }) => `${name} ${pid}`).join();
  }
}

function faultsOf({ subject, bytes }: Heard, planted: Planted | undefined): string[] {
  const searched = bytes.subarray(0, SEARCHED_BYTES);
  const found = planted?.sealed.findIn(`a message to ${subject}`, searched) ?? [];
  return [
    ...(SUBJECTS.test(subject) && !subject.includes(MARK) ? [] : [`somebody spoke to ${subject}`]),
    ...found.map(({ canary, where }) => `${canary} in ${where}`),
  ];
}
