/**
 * A platform with a neighbour, with secrets planted and with traps around it, and a project whose functions all mean ill. Each is called
 * once; then everybody else must be as before, the caller told what happened, and the hostile project be served again.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  BusObserver,
  type Heard,
  operationsUrl,
  provision,
  residentBytes,
  send,
  type TestPlatform,
  testPlatform,
  untilAnswer,
} from "@millrace/e2e-tests";
import { unprivilegedHome } from "@millrace/local";
import { Egress_Mode } from "@millrace/proto/control/v1/functions";
import { until } from "@millrace/testing";
import { Decoy } from "./decoy.ts";
import { diskBytesOf } from "./disk.ts";
import { Honeypot } from "./honeypot.ts";
import { coresOf, leavesBelow } from "./leaves.ts";
import { Neighbour } from "./neighbour.ts";
import { Planted } from "./planted.ts";
import { moduleOf, type Probe, type Probes, reaches, type Tier } from "./probe.ts";
import { type Spoken, speakTo } from "./spoken.ts";

const MIB = 1024 ** 2;
const TIMEOUT_MS = 3_000;
/** The caller is told in time, and a busy machine has some more. */
const LATE_MS_MAX = 2_500;
const BACK_TIMEOUT_MS = 15_000;
const SUPERVISOR_GROWTH_MIB_MAX = 200;
const IDLE_CORES_MAX = 0.5;
const DISK_BYTES_MAX = 1024 * MIB;
/** A message is searched for secrets as far as this; hostile answers may be long. */
const SEARCHED_BYTES = 64 * 1024;
/** What the platform itself speaks of on its bus. */
const SUBJECTS = /^(mr\.(runner|gateway|beat|build)|logs|_INBOX|\$(JS|KV|O|SYS))(\.|$)/;
/** Functions write it wherever a broker might read it. */
const MARK = "hostile-mark";

const WELL = { code: `return "well";`, told: ["answer"] } as const satisfies Probe;

export class Arena {
  readonly platform: TestPlatform;
  readonly tier: Tier;
  readonly #planted: Planted;
  readonly #neighbour: Neighbour;
  readonly #honeypot: Honeypot;
  readonly #decoy: Decoy;
  readonly #busFaults: ReadonlySet<string>;
  readonly #pids: string;
  readonly #supervisorBytes: number;
  private constructor(parts: {
    platform: TestPlatform;
    tier: Tier;
    planted: Planted;
    neighbour: Neighbour;
    honeypot: Honeypot;
    decoy: Decoy;
    busFaults: ReadonlySet<string>;
  }) {
    this.platform = parts.platform;
    this.tier = parts.tier;
    this.#planted = parts.planted;
    this.#neighbour = parts.neighbour;
    this.#honeypot = parts.honeypot;
    this.#decoy = parts.decoy;
    this.#busFaults = parts.busFaults;
    this.#pids = this.#processes();
    this.#supervisorBytes = residentBytes(this.#supervisor);
  }

  /** To be called once per file, at its top. */
  static async open(): Promise<Arena> {
    const busFaults = new Set<string>();
    let planted: Planted | undefined;
    const observer = new BusObserver((heard) => {
      for (const fault of faultsOf(heard, planted)) busFaults.add(fault);
    });
    const decoy = await Decoy.open();
    const platform = await testPlatform({ natsUsers: [observer.natsUser], egressAllow: [decoy.address] });
    planted = new Planted(platform);
    await observer.listen(platform.natsUrl);
    const readiness = await fetch(`${operationsUrl(platform, "runner-1")}/readyz`);
    const { tier } = (await readiness.json()) as { tier: Tier };
    const honeypot = await Honeypot.open();
    const neighbour = await Neighbour.moveIn(platform, planted.neighbour);
    const arena = new Arena({ platform, tier, planted, neighbour, honeypot, decoy, busFaults });
    after(async () => {
      await neighbour.moveOut();
      await observer.close();
      honeypot.close();
      decoy.close();
      planted.remove();
    });
    return arena;
  }

  /** Deploys all probes as functions of one project, and makes a test of each. */
  async face(probes: Probes): Promise<void> {
    const chosen = Object.entries(probes).filter(([, { minimumTier }]) =>
      reaches(this.tier, minimumTier ?? "development"),
    );
    const functions = new Map(chosen.map(([name, probe], at) => [`f${at}`, { name, probe }]));
    const planOf = (probe: Probe) => ({
      code: moduleOf(probe),
      config: { timeoutMs: probe.timeoutMs ?? TIMEOUT_MS, ...this.#egressOf(probe) },
    });
    const made = await provision(this.platform.rpc, {
      functions: {
        well: planOf(WELL),
        ...Object.fromEntries([...functions].map(([id, { probe }]) => [id, planOf(probe)])),
      },
      apis: Object.fromEntries(
        ["well", ...functions.keys()].map((id) => [id, { method: "POST", path: `/${id}`, backend: id }]),
      ),
    });
    const base = made.deployment().pathUrl;
    await servesAgain(base);
    for (const [id, { name, probe }] of functions) {
      test(`a function that ${name}: its caller is told, and nobody else notices`, async (t) => {
        const spoken = await this.#callOf(`${base}/${id}`, probe);
        t.diagnostic(
          `${spoken.told} after ${Math.round(spoken.tookMs)} ms: ${JSON.stringify(spoken.text.slice(0, 300))}`,
        );
        this.#judge(spoken, probe);
        assert.deepEqual(this.#planted.secrets.findIn("its answer", spoken.text), []);
        await this.#assertUnharmed();
        await servesAgain(base);
      });
    }
  }

  /** To be called at the end of the file: what hostile functions took is given back, and nothing of them was written down that may not be. */
  leavesNothing(): void {
    test("when all is over, the sandboxes that are left are idle, folders of others are gone, and no log holds a secret", async (t) => {
      const leftOver = () => readdirSync(this.#cells).length - leavesBelow(this.#supervisor).length;
      await until(() => leftOver() <= 0, {
        timeoutMs: BACK_TIMEOUT_MS,
        message: () => `${leftOver()} folders of no sandbox`,
      });
      let cores = Number.NaN;
      const isIdle = async () => {
        cores = await coresOf(leavesBelow(this.#supervisor));
        return cores < IDLE_CORES_MAX;
      };
      await until(isIdle, { timeoutMs: BACK_TIMEOUT_MS, message: () => `sandboxes use ${cores.toFixed(2)} cores` });
      const { logsFolder } = this.platform;
      const logs = readdirSync(logsFolder).map((file) => join(logsFolder, file));
      assert.deepEqual(
        logs.flatMap((file) => this.#planted.secrets.findIn(file, readFileSync(file))),
        [],
      );
      const grown = (residentBytes(this.#supervisor) - this.#supervisorBytes) / MIB;
      t.diagnostic(
        `${this.tier}: the supervisor has grown by ${Math.round(grown)} MiB; the neighbour was answered ${this.#neighbour.answers} times`,
      );
    });
  }

  #egressOf({ egress }: Probe) {
    if (egress === "none") return { egress: { mode: Egress_Mode.NONE } };
    return egress === "decoy" ? { egress: { mode: Egress_Mode.HOSTS, hosts: [this.#decoy.address] } } : {};
  }

  /** Everybody else is as before. */
  async #assertUnharmed(): Promise<void> {
    await this.#neighbour.answersStill();
    assert.deepEqual(this.#neighbour.faults, [], "the neighbour's callers");
    assert.deepEqual(this.#planted.damage, [], "files outside");
    assert.deepEqual([...this.#busFaults], [], "what is said on the bus");
    if (this.tier === "full") assert.deepEqual(this.#honeypot.visits, [], "who came to another address");
    assert.equal(this.#processes(), this.#pids, "the platform's processes");
    const ended = this.platform.said.filter((line) => / ended /.test(line));
    assert.deepEqual(ended, [], "what the platform said");
    const grown = (residentBytes(this.#supervisor) - this.#supervisorBytes) / MIB;
    assert.ok(grown < SUPERVISOR_GROWTH_MIB_MAX, `the supervisor has grown by ${Math.round(grown)} MiB`);
    assert.ok(diskBytesOf(this.#cells) < DISK_BYTES_MAX, "the disk is not filled");
  }

  /** A function may be lost with its sandbox to one before it, which it then took some time to end; it has another try. */
  async #callOf(url: string, { timeoutMs = TIMEOUT_MS, told }: Probe): Promise<Spoken> {
    const call = () => speakTo(url, JSON.stringify(this.#world), timeoutMs + LATE_MS_MAX * 2);
    const spoken = await call();
    return spoken.told === "instance_lost" && !told.includes("instance_lost") ? call() : spoken;
  }

  #judge({ told, text, tookMs, status }: Spoken, probe: Probe): void {
    const said = `${status} ${told}: ${text.slice(0, 2_000)}`;
    assert.ok(
      probe.told.some((expected) => expected === told),
      `one of ${probe.told.join()}, not ${said}`,
    );
    const { timeoutMs = TIMEOUT_MS } = probe;
    assert.ok(tookMs < timeoutMs + LATE_MS_MAX, `told after ${Math.round(tookMs)} ms of ${timeoutMs}: ${said}`);
    if (told === "answer" && probe.holds)
      assert.ok(probe.holds(JSON.parse(text), this.tier), `in ${this.tier}: ${said}`);
  }

  /** Where the runner keeps the folders of its sandboxes. */
  get #cells(): string {
    return `${unprivilegedHome(this.platform.stateDirectory)}/runners/runner-1/sandboxes`;
  }

  get #supervisor(): number {
    return this.platform.service("runner-1").pid!;
  }

  /** What an attacker may have found out by other ways. */
  get #world() {
    const { platform } = this;
    const own = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => address);
    return {
      tier: this.tier,
      pids: [...platform.services.map(({ pid }) => pid), process.pid],
      runnerPid: this.#supervisor,
      openFolder: this.#planted.openFolder,
      openFile: this.#planted.openFile,
      stateFile: this.#planted.stateFile,
      secretsFolder: platform.secretsFolder,
      cells: this.#cells,
      honeypotPort: this.#honeypot.port,
      ports: this.#ports,
      own,
      decoy: this.#decoy.address,
      mark: MARK,
    };
  }

  /** Where the platform listens, but for its callers. */
  get #ports(): number[] {
    const ports = JSON.parse(readFileSync(join(this.platform.stateDirectory, "ports.json"), "utf8")) as object;
    return Object.entries(ports).flatMap(([name, port]) => (/^gateway.*http$/.test(name) ? [] : [port as number]));
  }

  #processes(): string {
    const engines = Object.values(this.platform.engines).flatMap((engine) => engine.process ?? []);
    return [...this.platform.services, ...engines].map(({ name, pid }) => `${name} ${pid}`).join();
  }
}

/** The project of these functions is served. */
async function servesAgain(base: string): Promise<void> {
  const call = () => send({ method: "POST", url: `${base}/well`, body: "{}" });
  const { text } = await untilAnswer(call, 200, { timeoutMs: BACK_TIMEOUT_MS });
  assert.equal(text, `"well"`);
}

function faultsOf({ subject, bytes }: Heard, planted: Planted | undefined): string[] {
  const searched = bytes.subarray(0, SEARCHED_BYTES);
  const found = planted?.sealed.findIn(`a message to ${subject}`, searched) ?? [];
  return [
    ...(SUBJECTS.test(subject) && !subject.includes(MARK) ? [] : [`somebody spoke to ${subject}`]),
    ...found.map(({ canary, where }) => `${canary} in ${where}`),
  ];
}
