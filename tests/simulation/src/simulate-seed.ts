import { slotsAtDepth } from "@millrace/frames";
import { PLACING_LIMITS } from "@millrace/function-runner/limits";
import { DISPATCH_LIMITS } from "@millrace/gateway/limits";
import type { NetworkFaults } from "./world/network.ts";
import { seededRandom } from "./world/random.ts";
import { World } from "./world/world.ts";

// One life of a small platform, drawn from a seed: requests of every kind while messages are delayed, repeated, lost and reordered, and
// processes stand still, stop and die. Then peace; and then everything must have been answered once, in time, and nothing be left over.

export interface SeedResult {
  violations: readonly string[];
  requests: number;
  outcomes: Record<string, number>;
  /** How many times functions began. */
  begun: number;
}

const TROUBLE_MS = 6_000;
const TIMEOUT_MS_MAX = 3_000;
/** Longer than anything that was asked may take, and than a runner may be thought lost. */
const PEACE_MS = TIMEOUT_MS_MAX + DISPATCH_LIMITS.deadlineGraceMs + 6_000;
const STANDSTILL_MS_MAX = 6_000;
const DEPTH_MAX = 2;
const SLOW_MS = 200;
/** Starting a process takes longer than any message: none of the one before comes after its first. */
const START_MS = SLOW_MS + 50;
/** A timer of the dispatch is late by one step of its wheel at most. */
const LATE_MS_MAX = 10;

export function simulateSeed(seed: number): SeedResult {
  const draw = seededRandom(seed ^ 0x9e3779b9);
  // Three of four worlds have a bus that keeps NATS' promises: then nothing unsafe may run twice, whatever dies.
  const isHonest = seed % 4 !== 0;
  const faults: NetworkFaults = {
    delayMs: 2,
    lost: isHonest ? 0 : draw() * 0.05,
    repeated: draw() * 0.05,
    slow: draw() * 0.1,
    slowMs: SLOW_MS,
    inOrder: isHonest,
  };
  const [gateways, runners] = [1 + Math.floor(draw() * 3), 1 + Math.floor(draw() * 4)];
  const slots = 1 + Math.floor(draw() * 12);
  const world = new World({ seed, gateways, runners, slots, faults });
  const { timeline, ledger } = world;
  const endMs = timeline.nowMs + TROUBLE_MS;
  const pick = (count: number) => Math.floor(draw() * count);
  const still = new Map<number, number>();

  const askOne = (): void => {
    const project = `p${pick(3)}`;
    const runMs = draw() < 0.1 ? draw() * 1_500 : draw() * 40;
    const id = `${seed}/${ledger.requests.size}`;
    const request = ledger.open({ id, project, safe: draw() < 0.5, askedAtMs: timeline.nowMs, runMs });
    const at = pick(gateways);
    const gateway = world.gateways[at]!;
    const timeoutMs = 200 + draw() * (TIMEOUT_MS_MAX - 200);
    const depth = draw() < 0.1 ? 1 + pick(DEPTH_MAX) : 0;
    gateway.ask({ request, functionKey: `${project}-f${pick(3)}@1`, timeoutMs, depth });
    if (draw() < 0.05) timeline.after(draw() * 500, () => gateway.leave(request));
    const lifeMs = timeoutMs + DISPATCH_LIMITS.deadlineGraceMs + LATE_MS_MAX;
    timeline.after(lifeMs, () => checkAnswered(request.id, at, lifeMs));
  };

  const checkAnswered = (id: string, at: number, lifeMs: number): void => {
    const request = ledger.requests.get(id)!;
    // Who stood still takes requests, and answers, when it goes on.
    const untilMs = Math.max(still.get(at) ?? 0, request.call?.deadlineAtMs ?? 0) + LATE_MS_MAX;
    if (timeline.nowMs <= untilMs) timeline.after(untilMs - timeline.nowMs + 1, () => checkAnswered(id, at, lifeMs));
    else if (request.outcome === "") ledger.break(`${id} has no answer ${lifeMs} ms after it was asked`);
  };

  const troubles: (() => void)[] = [
    () => {
      const at = pick(runners);
      world.runners[at]!.process.die();
      timeline.after(START_MS + draw() * 4_000, () => world.runners[at]!.process.isDead && world.startRunner(at));
    },
    () => {
      const at = pick(runners);
      const runner = world.runners[at]!;
      runner.onStopped = () =>
        void timeline.after(START_MS + draw() * 1_000, () => world.runners[at] === runner && world.startRunner(at));
      runner.stop();
    },
    () => world.runners[pick(runners)]!.process.standStill(draw() * STANDSTILL_MS_MAX),
    () => {
      const at = pick(gateways);
      const forMs = draw() * STANDSTILL_MS_MAX;
      world.gateways[at]!.process.standStill(forMs);
      still.set(at, Math.max(still.get(at) ?? 0, timeline.nowMs + forMs));
    },
    () => {
      const at = pick(gateways);
      world.gateways[at]!.die();
      timeline.after(draw() * 1_000, () => world.gateways[at]!.process.isDead && world.startGateway(at));
    },
    () => world.gateways[pick(gateways)]!.disconnect(draw() * 4_000),
  ];

  const requestGapMs = 2 + draw() * 30;
  const askOn = (): void => {
    for (let count = draw() < 0.02 ? 30 : 1; count > 0; count--) askOne();
    if (timeline.nowMs < endMs) timeline.after(-Math.log(1 - draw()) * requestGapMs, askOn);
  };
  timeline.after(500, askOn);
  for (let count = pick(8); count > 0; count--) {
    timeline.after(500 + draw() * (TROUBLE_MS - 500), troubles[pick(troubles.length)]!);
  }

  timeline.runUntil(endMs + PEACE_MS);
  if (isHonest) checkServing(world);
  checkEmpty(world, slots);
  const outcomes: Record<string, number> = {};
  let begun = 0;
  for (const { outcome, begunAtMs } of ledger.requests.values()) {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    begun += begunAtMs.length;
  }
  return { violations: ledger.violations, requests: ledger.requests.size, outcomes, begun };
}

/** After all trouble every gateway serves again. */
function checkServing({ gateways, runners, ledger, timeline }: World): void {
  for (const [at, gateway] of gateways.entries()) {
    const request = ledger.open({ id: `last/${at}`, project: "p0", safe: true, askedAtMs: timeline.nowMs, runMs: 1 });
    gateway.ask({ request, functionKey: "p0-f0@1", timeoutMs: TIMEOUT_MS_MAX, depth: 0 });
  }
  timeline.runUntil(timeline.nowMs + PEACE_MS);
  for (const at of gateways.keys()) {
    const { outcome } = ledger.requests.get(`last/${at}`)!;
    if (outcome !== "200")
      ledger.break(`gateway-${at} answers ${outcome} although ${runners.length} runners are there`);
  }
}

function checkEmpty({ gateways, runners, ledger, timeline }: World, slots: number): void {
  for (const { id, dispatch } of gateways) {
    const left = { open: dispatch.openCalls, waiting: dispatch.waitingCalls, timed: dispatch.timedCalls };
    const outstanding = dispatch.runners.all().reduce((sum, runner) => sum + runner.outstanding, 0);
    if (left.open + left.waiting + left.timed + outstanding > 0) {
      ledger.break(`${id} still has ${JSON.stringify({ ...left, outstanding })}`);
    }
  }
  for (const { id, admission, busyMax } of runners) {
    if (busyMax > slotsAtDepth(slots, DEPTH_MAX)) ledger.break(`${id} ran ${busyMax} calls in ${slots} slots`);
    if (admission.slotsBusy !== 0) ledger.break(`${id} still holds ${admission.slotsBusy} slots`);
  }
  timeline.runUntil(timeline.nowMs + PLACING_LIMITS.gatewayForgottenMs + 2_000);
  for (const { id, admission } of runners) {
    if (admission.remembered > 0) ledger.break(`${id} still remembers ${admission.remembered} names`);
  }
}
