import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench, Scenario } from "../bench.ts";
import { runWrk } from "../load/wrk.ts";
import { lineChart } from "../report/chart.ts";
import { type Section, shown, shownSpread } from "../report/section.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { growthDuring, residentOf } from "../system/resident.ts";
import { type BenchPlatform, deploy, untilServes, withPlatform } from "../targets/platform.ts";

// Bodies of all sizes, both ways, and what they cost in memory: bodies stream under credit, so no process may hold one whole.

const KIB = 1024;
const MIB = 1024 * KIB;
const FULL = {
  rounds: 3,
  seconds: 3,
  largeSeconds: 6,
  sizes: [KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB],
};
const SHORT = { rounds: 1, seconds: 2, largeSeconds: 5, sizes: [KIB, MIB, 16 * MIB] };
const LARGE_BYTES = MIB;
const CONNECTIONS = 4;
/** What a busy process keeps anyway, whatever the bodies, is not to be counted as theirs. */
const WARM_UP = { seconds: 10, sizes: [KIB, 64 * KIB] };
const ANSWER_TIMEOUT_MS = 30_000;
const GROWTH_MIB_MAX = 32;
/** Those of the request path; the others take no part. */
const WATCHED = /^(gateway|runner|sandbox|nats)/;

const FUNCTIONS = {
  echo: { code: `export default { fetch: (request) => new Response(request.body) };` },
  download: {
    code: `
  const piece = new Uint8Array(64 * 1024).fill(120);
  export default {
    fetch(request) {
      let left = Number(new URL(request.url).searchParams.get("bytes"));
      return new Response(new ReadableStream({
        type: "bytes",
        pull(controller) {
          controller.enqueue(piece.slice(0, Math.min(left, piece.length)));
          left -= Math.min(left, piece.length);
          if (left === 0) controller.close();
        },
      }));
    },
  };`,
  },
};

type Way = "echo" | "download";

interface Payload {
  way: Way;
  bytes: number;
  /** Of bodies in one direction. */
  mibPerSecond: Spread;
  p50Ms: Spread;
  errors: number;
  /** Why it cannot be measured: the status of an answer, or what is wrong with its body. */
  fault?: string;
  /** The most that each process grew in any round. */
  growthMiB: Record<string, number>;
}

export const payloads: Scenario<Payload[]> = {
  name: "payloads",
  key: "payloads",
  about: "bodies of 1 KiB to 16 MiB, both ways",
  measure: (bench) =>
    withPlatform(bench, {}, async (platform) => {
      const apis = {
        echo: { method: "POST", path: "/echo", backend: "echo" },
        download: { method: "GET", path: "/download", backend: "download" },
      };
      const { url } = await deploy(platform, { functions: FUNCTIONS, apis });
      await untilServes(`${url}/download?bytes=1`);
      const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
      try {
        return await measure(bench, platform, url, folder);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }),
  present,
};

async function measure(bench: Bench, platform: BenchPlatform, url: string, folder: string): Promise<Payload[]> {
  const plan = bench.isShort ? SHORT : FULL;
  const watched = () => new Map([...platform.everyProcess()].filter(([name]) => WATCHED.test(name)));
  const kinds = (["echo", "download"] as const).flatMap((way) => plan.sizes.map((bytes) => ({ way, bytes })));
  const samples = kinds.map(() => [] as { mibPerSecond: number; p50Ms: number; errors: number }[]);
  const growth = kinds.map(() => new Map<string, number>());
  const faults = new Map<number, string>();
  for (const way of ["echo", "download"] as const) {
    for (const bytes of WARM_UP.sizes) {
      await runWrk(bench.wrk, await runOf(url, folder, way, bytes, WARM_UP.seconds), bench.signal);
    }
  }
  const before = residentOf(watched);
  for (let round = 1; round <= plan.rounds; round++) {
    for (const [i, { way, bytes }] of kinds.entries()) {
      const fault = faults.get(i) ?? (await faultOf(url, way, bytes, bench.signal));
      if (fault !== undefined) {
        faults.set(i, fault);
        bench.print(`round ${round}/${plan.rounds}  ${way} ${sizeName(bytes)}: ${fault}`);
        continue;
      }
      const run = await runOf(url, folder, way, bytes, bytes < LARGE_BYTES ? plan.seconds : plan.largeSeconds);
      const grown = await growthDuring(watched, before, async () => {
        const result = await runWrk(bench.wrk, run, bench.signal);
        // Few large bodies are whole within the time, and those under way are work done; of small ones the heads would count.
        const mibPerSecond = bytes < LARGE_BYTES ? (result.rps * bytes) / MIB : result.mibPerSecond;
        samples[i]!.push({ mibPerSecond, p50Ms: result.p50Ms, errors: result.errors });
      });
      for (const [name, mib] of grown) growth[i]!.set(name, Math.max(mib, growth[i]!.get(name) ?? 0));
      bench.print(
        `round ${round}/${plan.rounds}  ${way} ${sizeName(bytes)}: ${samples[i]!.at(-1)!.mibPerSecond.toFixed(1)} MiB/s`,
      );
    }
  }
  return kinds.map((kind, i) => ({
    ...kind,
    mibPerSecond: spreadOf(samples[i]!.map(({ mibPerSecond }) => mibPerSecond)),
    p50Ms: spreadOf(samples[i]!.map(({ p50Ms }) => p50Ms)),
    errors: samples[i]!.reduce((sum, { errors }) => sum + errors, 0),
    ...(faults.has(i) && { fault: faults.get(i)! }),
    growthMiB: Object.fromEntries(growth[i]!),
  }));
}

async function runOf(url: string, folder: string, way: Way, bytes: number, seconds: number) {
  const run = { connections: CONNECTIONS, seconds };
  if (way === "download") return { ...run, url: `${url}/download?bytes=${bytes}` };
  const script = join(folder, `post-${bytes}.lua`);
  await writeFile(script, `wrk.method = "POST"\nwrk.body = string.rep("x", ${bytes})\n`);
  return { ...run, url: `${url}/echo`, script };
}

/** Sends one and looks at every byte of its answer; answers what is wrong. */
async function faultOf(url: string, way: Way, bytes: number, signal: AbortSignal): Promise<string | undefined> {
  const body = Buffer.alloc(bytes, "x");
  const init = way === "echo" ? { method: "POST", body } : {};
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
  try {
    const response = await fetch(way === "echo" ? `${url}/echo` : `${url}/download?bytes=${bytes}`, {
      ...init,
      signal: deadline,
    });
    const came = Buffer.from(await response.arrayBuffer());
    if (response.status !== 200) return `answered ${response.status}`;
    return sha256(came) === sha256(body) ? undefined : `another body of ${came.length} bytes`;
  } catch (error) {
    signal.throwIfAborted();
    return `no answer: ${error instanceof Error ? error.message : error}`;
  }
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

function sizeName(bytes: number): string {
  return bytes < MIB ? `${bytes / KIB} KiB` : `${bytes / MIB} MiB`;
}

function present(result: readonly Payload[]): Section {
  const title = "Throughput by size of the body";
  const line = (way: Way) => ({
    name: way,
    points: result
      .filter((row) => row.way === way)
      .map(({ bytes, mibPerSecond }) => ({ x: bytes, y: mibPerSecond.median })),
  });
  return {
    title: "Bodies of all sizes",
    text: `wrk with ${CONNECTIONS} connections, ${FULL.seconds} s each (from ${sizeName(LARGE_BYTES)} on ${FULL.largeSeconds} s), ${FULL.rounds} rounds over all rows. \`echo\` sends a body to a function that streams it back; \`download\` only
receives. MiB/s count the body that comes back. Growth is how much more resident memory a process of the request path had at its highest, looked at
every 100 ms, than before the first row, after ${WARM_UP.seconds} s each of bodies of ${WARM_UP.sizes.map(sizeName).join(" and of ")}, both ways: by then a busy process holds what it
needs for any load.`,
    head: ["", "size", "MiB/s", "p50 ms", "errors", ...roles(result).map((role) => `${role} growth, MiB`)],
    rows: result.map((row) => [
      row.way,
      sizeName(row.bytes),
      row.fault ?? shownSpread(row.mibPerSecond, 1),
      shownSpread(row.p50Ms, 2),
      String(row.errors),
      ...roles(result).map((role) => shown(growthOf(row, role), 1)),
    ]),
    checks: (["echo", "download"] as const).map((way) => ({
      what: `growth of any process, ${way} of ${sizeName(16 * MIB)}`,
      measured: mostGrowthOf(result.find((row) => row.way === way && row.bytes === 16 * MIB)),
      target: { atMost: GROWTH_MIB_MAX },
      unit: " MiB",
    })),
    charts: [
      {
        file: "payloads.svg",
        alt: title,
        svg: lineChart({
          title,
          xLabel: "size of the body",
          yLabel: "MiB/s",
          logarithmicX: true,
          xTick: sizeName,
          series: [line("echo"), line("download")],
        }),
      },
    ],
  };
}

function roles(result: readonly Payload[]): string[] {
  return [...new Set(result.flatMap(({ growthMiB }) => Object.keys(growthMiB).map(roleOf)))].toSorted();
}

/** `gateway-1` → `gateway`, `sandbox 123` → `sandbox` */
const roleOf = (name: string): string => name.replace(/[-\s]\d+$/, "");

/** Of the process of the role that grew most; one that failed was not measured. */
function growthOf({ growthMiB }: Payload, role: string): number {
  const grown = Object.entries(growthMiB).filter(([name]) => roleOf(name) === role);
  return grown.length === 0 ? Number.NaN : Math.max(...grown.map(([, mib]) => mib));
}

function mostGrowthOf(row: Payload | undefined): number {
  const grown = Object.values(row?.growthMiB ?? {});
  return row === undefined || row.fault !== undefined || grown.length === 0 ? Number.NaN : Math.max(...grown);
}
