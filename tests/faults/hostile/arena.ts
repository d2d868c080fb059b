/**
 * A project whose functions all mean ill, on a platform with witnesses. Each function is called once; then everybody else must be as
 * before, the caller told what happened, and the hostile project be served again.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { operationsUrl, provision, provisionFunction, send, untilAnswer } from "@millrace/e2e-tests";
import { Egress_Mode } from "@millrace/proto/control/v1/functions";
import { until } from "@millrace/testing";
import type { Uploads } from "./hostile-uploads.ts";
import { coresOf, leavesBelow } from "./leaves.ts";
import { moduleOf, type Probe, type Probes, reaches, type Tier } from "./probe.ts";
import { type Spoken, speakTo } from "./spoken.ts";
import { MARK, Witnesses } from "./witnesses.ts";

/** Long enough to start in a new sandbox on a busy machine. */
const TIMEOUT_MS = 8_000;
/** The caller is told in time, and a busy machine has some more. */
const LATE_MS_MAX = 2_500;
/** Long enough for a function that is held back since it was beside those whose sandboxes died. */
const BACK_TIMEOUT_MS = 25_000;
const IDLE_CORES_MAX = 0.5;
const SHOWN_CHARACTERS = 300;

const WELL = { code: `return "well";`, told: ["answer"] } as const satisfies Probe;

export class Arena {
  readonly #witnesses: Witnesses;
  readonly #tier: Tier;

  private constructor(witnesses: Witnesses, tier: Tier) {
    this.#witnesses = witnesses;
    this.#tier = tier;
  }

  /** To be called once per file, at its top. */
  static async open(): Promise<Arena> {
    const witnesses = await Witnesses.gather();
    const readiness = await fetch(`${operationsUrl(witnesses.platform, "runner-1")}/readyz`);
    const { tier } = (await readiness.json()) as { tier: Tier };
    return new Arena(witnesses, tier);
  }

  /** Deploys all probes as functions of one project, and makes a test of each. */
  async face(probes: Probes): Promise<void> {
    const isTried = ({ minimumTier = "development" }: Probe) => reaches(this.#tier, minimumTier);
    const tried = Object.entries(probes).filter(([, probe]) => isTried(probe));
    const functions = Object.fromEntries(tried.map(([, probe], at) => [`f${at}`, probe]));
    const base = await this.#deploy({ well: WELL, ...functions });
    for (const [at, [name, probe]] of tried.entries()) {
      test(`a function that ${name}: its caller is told, and nobody else notices`, async (t) => {
        const spoken = await this.#call(`${base}/f${at}`, probe);
        const { told, tookMs, text } = spoken;
        t.diagnostic(`${told} after ${Math.round(tookMs)} ms: ${JSON.stringify(text.slice(0, SHOWN_CHARACTERS))}`);
        this.#judge(spoken, probe);
        this.#witnesses.assertKeepsSecrets("its answer", text);
        await this.#assertUnharmed();
        await servesAgain(base);
      });
    }
  }

  /** Uploads each as a function, which must be refused in time, and makes a test of each. */
  async refuses(uploads: Uploads): Promise<void> {
    const { platform, planted } = this.#witnesses;
    const { project } = await provision(platform.rpc, { apis: {}, environments: [] });
    for (const [at, [name, codeOf]] of Object.entries(uploads).entries()) {
      test(`an upload that ${name}: it is refused with a reason, and nobody else notices`, async (t) => {
        const said = await provisionFunction(platform.rpc, project, `u${at}`, { code: codeOf(planted) }).then(
          () => assert.fail("it was taken"),
          (error: Error & { violations?: unknown }) => `${error.message} ${JSON.stringify(error.violations ?? [])}`,
        );
        t.diagnostic(JSON.stringify(said.slice(0, SHOWN_CHARACTERS)));
        assert.doesNotMatch(said, /it was taken|internal|unavailable|deadline/i);
        this.#witnesses.assertKeepsSecrets("the refusal", said);
        await this.#assertUnharmed();
      });
    }
  }

  /** A function that dies of each call is held back after some, and its project's others are not. */
  holdsBack(probe: Probe): void {
    test("a function that dies again and again is held back, and nobody else notices", async () => {
      const base = await this.#deploy({ well: WELL, dies: probe });
      let last = "";
      const isHeldBack = async () => {
        const { told, status } = await speakTo(`${base}/dies`, "{}", LATE_MS_MAX);
        last = `${status} ${told}`;
        assert.ok(["502 instance_lost", "503 function_quarantined"].includes(last), last);
        return told === "function_quarantined";
      };
      const message = () => `503 function_quarantined, not ${last}`;
      await until(isHeldBack, { timeoutMs: BACK_TIMEOUT_MS, message });
      await servesAgain(base);
      await this.#assertUnharmed();
    });
  }

  /** To be called at the end of the file: what hostile functions took is given back, and nothing was written down that may not be. */
  leavesNothing(): void {
    test("when all is over, sandboxes idle, their folders are gone with them, and no log holds a secret", async (t) => {
      const { supervisor, cells, neighbour, supervisorGrowthMib } = this.#witnesses;
      const leftOver = () => readdirSync(cells).length - leavesBelow(supervisor).length;
      const folders = () => `${leftOver()} folders of no sandbox`;
      await until(() => leftOver() <= 0, { timeoutMs: BACK_TIMEOUT_MS, message: folders });
      let cores = Number.NaN;
      const isIdle = async () => {
        cores = await coresOf(leavesBelow(supervisor));
        return cores < IDLE_CORES_MAX;
      };
      await until(isIdle, { timeoutMs: BACK_TIMEOUT_MS, message: () => `sandboxes use ${cores.toFixed(2)} cores` });
      this.#witnesses.assertLogsKeepSecrets();
      t.diagnostic(
        `${this.#tier}: the supervisor has grown by ${supervisorGrowthMib} MiB; the neighbour was answered ${neighbour.answers} times`,
      );
    });
  }

  /** Functions with an API each, `POST /{id}`; answers where, once they are served. */
  async #deploy(probes: Probes): Promise<string> {
    const planOf = (probe: Probe) => ({
      code: moduleOf(probe),
      config: { timeoutMs: probe.timeoutMs ?? TIMEOUT_MS, ...this.#egressOf(probe) },
    });
    const made = await provision(this.#witnesses.platform.rpc, {
      functions: Object.fromEntries(Object.entries(probes).map(([id, probe]) => [id, planOf(probe)])),
      apis: Object.fromEntries(Object.keys(probes).map((id) => [id, { method: "POST", path: `/${id}`, backend: id }])),
    });
    const base = made.deployment().pathUrl;
    await servesAgain(base);
    return base;
  }

  #egressOf({ egress }: Probe) {
    if (egress === "none") return { egress: { mode: Egress_Mode.NONE } };
    const hosts = [this.#witnesses.decoy.address];
    return egress === "decoy" ? { egress: { mode: Egress_Mode.HOSTS, hosts } } : {};
  }

  #assertUnharmed(): Promise<void> {
    return this.#witnesses.assertUnharmed(this.#tier === "full");
  }

  /** A function may be lost with its sandbox to one before it, which it then took some time to end; it has another try. */
  async #call(url: string, { timeoutMs = TIMEOUT_MS, told }: Probe): Promise<Spoken> {
    const call = () => speakTo(url, JSON.stringify(this.#world), timeoutMs + LATE_MS_MAX * 2);
    const spoken = await call();
    return spoken.told === "instance_lost" && !told.includes("instance_lost") ? call() : spoken;
  }

  #judge({ told, text, tookMs, status }: Spoken, { told: expected, holds, timeoutMs = TIMEOUT_MS }: Probe): void {
    const said = `${status} ${told}: ${text.slice(0, 2_000)}`;
    assert.ok(
      expected.some((one) => one === told),
      `one of ${expected.join()}, not ${said}`,
    );
    assert.ok(tookMs < timeoutMs + LATE_MS_MAX, `told after ${Math.round(tookMs)} ms of ${timeoutMs}: ${said}`);
    if (told === "answer" && holds) assert.ok(holds(JSON.parse(text), this.#tier), `in ${this.#tier}: ${said}`);
  }

  /** What an attacker may have found out by other ways. */
  get #world() {
    const { platform, planted, supervisor, cells, honeypot, ports, decoy } = this.#witnesses;
    const own = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => address);
    return {
      tier: this.#tier,
      pids: [...platform.services.map(({ pid }) => pid), process.pid],
      runnerPid: supervisor,
      openFolder: planted.openFolder,
      openFile: planted.openFile,
      stateFile: planted.stateFile,
      secretsFolder: platform.secretsFolder,
      cells,
      honeypotPort: honeypot.port,
      ports,
      own,
      decoy: decoy.address,
      mark: MARK,
    };
  }
}

/** The project of these functions is served. */
async function servesAgain(base: string): Promise<void> {
  const call = () => send({ method: "POST", url: `${base}/well`, body: "{}" });
  const { text } = await untilAnswer(call, 200, { timeoutMs: BACK_TIMEOUT_MS });
  assert.equal(text, `"well"`);
}
