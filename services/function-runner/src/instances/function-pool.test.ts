import assert from "node:assert/strict";
import { test } from "node:test";
import { CANCELLATION, FLAG, FRAME, type Frame, FrameWriter, readFrames, writeHead } from "@millrace/frames";
import { until } from "@millrace/testing";
import fc from "fast-check";
import { SANDBOX_FRAME, writeDone, writeJson } from "../sandbox/sandbox-frames.ts";
import { FunctionPool } from "./function-pool.ts";
import type { Instance } from "./instance.ts";
import { Invocation } from "./invocation.ts";

// A pool with threads that exist only here: they do what the runtime does, when the test says so, and check what they are given.

class FakeThread {
  readonly running = new Set<number>();
  readonly #staged: number[] = [];
  /** By the instance's number of a call, the test's. */
  readonly #calls = new Map<number, number>();
  readonly #inbox = new FrameWriter();
  readonly #out = new FrameWriter();
  readonly #instance: Instance;
  readonly #world: World;
  isLoaded = false;
  hasEnded = false;
  isStopped = false;

  constructor(instance: Instance, world: World) {
    this.#instance = instance;
    this.#world = world;
    const channel = { writer: () => this.#inbox } as never;
    const violate = (what: string) => assert.fail(what);
    instance.attach({ channel, stop: () => (this.isStopped = true), violate, isOutdated: false, wasReady: true });
  }

  load(): void {
    this.isLoaded = true;
    writeJson(this.#out, SANDBOX_FRAME.loaded, 0, { shape: "handler", exports: [] });
    this.#say();
  }

  /** Reads what it was sent. */
  read(): void {
    readFrames(this.#inbox.take(), 0, (frame) => this.#onFrame(frame));
    this.#say();
  }

  finish(call: number): void {
    writeHead(this.#out, call, { status: 200, headers: [], body: Buffer.alloc(0) }, true);
    this.#done(call);
    this.#say();
  }

  /** Ends; when not everything it said was heard, it may have got further than anybody knows. */
  end(complete: boolean): void {
    if (!complete) for (const call of this.running) this.#done(call);
    this.hasEnded = true;
    const cause = this.isStopped ? "stopped" : "crashed";
    this.#instance.onEnded({ cause, text: "", complete, guilty: false });
  }

  #onFrame({ type, call, payload }: Frame): void {
    if (type === FRAME.invoke) {
      this.#calls.set(call, payload.readUInt32LE(4));
      if (this.running.size > 0 && this.#world.concurrency === 1) {
        this.#world.staged++;
        this.#staged.push(call);
      } else this.#begin(call);
    } else if (type === SANDBOX_FRAME.recall || type === FRAME.cancel) {
      const at = this.#staged.indexOf(call);
      if (at === -1) return;
      this.#staged.splice(at, 1);
      this.#out.begin(SANDBOX_FRAME.returned, 0, call).end();
    }
  }

  #begin(call: number): void {
    this.running.add(call);
    const number = this.#calls.get(call)!;
    assert.ok(!this.#world.begun.has(number), `call ${number} begins twice`);
    this.#world.begun.add(number);
    assert.ok(this.running.size <= this.#world.concurrency, "more calls at a time than the function allows");
  }

  #done(call: number): void {
    this.running.delete(call);
    const done = { memoryKib: 1, droppedLines: 0, cpuUs: 50, shared: false, openUs: 50, workUs: 50, coreUs: 50 };
    writeDone(this.#out, call, done);
    const next = this.#staged.shift();
    if (next !== undefined) this.#begin(next);
  }

  #say(): void {
    const frames: Frame[] = [];
    readFrames(this.#out.take(), 0, (frame) => frames.push({ ...frame, payload: Buffer.from(frame.payload) }));
    for (const frame of frames) if (!this.hasEnded) this.#instance.onFrame(frame);
  }
}

interface World {
  concurrency: number;
  begun: Set<number>;
  /** Calls that were given ahead. */
  staged: number;
}

function openWorld(concurrency: number, cores: number, callsMax = Infinity) {
  const threads: FakeThread[] = [];
  const answers = new Map<number, number>();
  const invocations: Invocation[] = [];
  const world: World = { concurrency, begun: new Set(), staged: 0 };
  const cancelled = new Set<number>();
  let over = 0;
  const wear = { callsMax, ageMs: Infinity, memoryMib: 128 };
  const terms = { concurrency, timeoutMs: 60_000, ...wear, cores: { count: cores, spare: cores } };
  const pool = new FunctionPool(terms, {
    start: async (instance) => void threads.push(new FakeThread(instance, world)),
    onWarmth() {},
    mayKeepMore: () => true,
    onOutput() {},
    onStartFailed: (error) => assert.fail(String(error)),
  });

  function call(): void {
    const number = invocations.length;
    const payload = Buffer.alloc(8);
    payload.writeUInt32LE(number, 4);
    const frame = { type: FRAME.invoke, flags: FLAG.end, call: number, payload };
    const writer = new FrameWriter();
    const count = () => {
      readFrames(writer.take(), 0, ({ type, flags }) => {
        if (type === FRAME.failed || (flags & FLAG.end) !== 0) answers.set(number, (answers.get(number) ?? 0) + 1);
      });
    };
    const invocation = new Invocation(
      { requestId: "", traceparent: "", frame, deadlineAt: performance.now() + 60_000 },
      { writer: () => writer, call: number },
      {
        onOver: () => {
          over++;
          count();
        },
      },
    );
    invocations.push(invocation);
    pool.run(invocation);
  }

  return {
    ...{ threads, pool, invocations, call },
    staged: () => world.staged,
    /** Of a call that was not cancelled there is one; of another, at most one. */
    answersAreRight: (number: number) => answers.get(number) === 1 || (cancelled.has(number) && !answers.has(number)),
    cancel: (pick: number) => {
      const payload = Buffer.from([CANCELLATION.callerGone]);
      const number = pick % Math.max(1, invocations.length);
      cancelled.add(number);
      invocations[number]?.fromCaller({ type: FRAME.cancel, flags: 0, call: 0, payload });
    },
    alive: () => threads.filter(({ hasEnded }) => !hasEnded),
    over: () => over,
  };
}

type Event = { kind: "call" | "load" | "read" | "finish" | "crash" | "cancel"; pick: number };

const EVENTS: fc.Arbitrary<Event> = fc.record({
  kind: fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom("call" as const, "read" as const, "read" as const, "finish" as const) },
    { weight: 5, arbitrary: fc.constantFrom("load" as const, "cancel" as const) },
    { weight: 1, arbitrary: fc.constant("crash" as const) },
  ),
  pick: fc.nat(1_000),
});

function happen({ kind, pick }: Event, world: ReturnType<typeof openWorld>): void {
  if (kind === "call") world.call();
  if (kind === "cancel") world.cancel(pick);
  const alive = world.alive().filter(({ isLoaded }) => isLoaded === (kind !== "load"));
  const thread = alive[pick % Math.max(1, alive.length)];
  if (!thread) return;
  if (kind === "load") thread.load();
  if (kind === "read") thread.read();
  if (kind === "crash") thread.end(pick % 2 === 0);
  const running = [...thread.running];
  if (kind === "finish" && running.length > 0) thread.finish(running[pick % running.length]!);
}

/** Everything goes well from now on. */
function goOn(world: ReturnType<typeof openWorld>): void {
  for (const thread of world.alive()) {
    if (!thread.isLoaded) thread.load();
    thread.read();
    for (const call of thread.running) thread.finish(call);
    if (thread.isStopped) thread.end(true);
  }
}

test("whatever comes in whatever order, no instance has more calls than it may, and each call ends with one answer", async () => {
  let staged = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(1, 1, 1, 3, 16),
      fc.constantFrom(1, 2, 8),
      fc.array(EVENTS, { minLength: 50, maxLength: 150 }),
      async (concurrency, cores, events) => {
        const world = openWorld(concurrency, cores);
        for (const event of events) {
          happen(event, world);
          await null;
        }
        await until(
          () => {
            goOn(world);
            return world.over() === world.invocations.length;
          },
          { message: () => `${world.over()} of ${world.invocations.length} are over` },
        );
        for (const number of world.invocations.keys()) assert.ok(world.answersAreRight(number), `call ${number}`);
        staged += world.staged();
        world.pool.close();
        for (const thread of world.alive()) thread.end(true);
      },
    ),
    { numRuns: 150 },
  );
  assert.ok(staged > 0, "calls were given ahead");
});

/** Has one call answered; answers by which of the threads. */
async function serve(world: ReturnType<typeof openWorld>): Promise<number> {
  world.call();
  await null;
  for (const thread of world.threads) {
    thread.read();
    for (const call of thread.running) {
      thread.finish(call);
      return world.threads.indexOf(thread);
    }
  }
  return -1;
}

async function openWorn(): Promise<ReturnType<typeof openWorld>> {
  const world = openWorld(1, 1, 3);
  world.call();
  await null;
  const [thread] = world.threads;
  thread!.load();
  assert.equal(world.pool.starts.renew(), false, "it is as new");
  thread!.read();
  for (const call of thread!.running) thread!.finish(call);
  for (let served = 1; served < 3; served++) assert.equal(await serve(world), 0);
  assert.equal(world.pool.starts.renew(), true);
  await null;
  return world;
}

test("an instance that has served for long enough takes calls until the one in its place is loaded, and no longer", async () => {
  const world = await openWorn();
  const [worn, next] = world.threads;
  assert.equal(await serve(world), 0);
  assert.equal(world.pool.starts.renew(), false, "one is under way");
  next!.load();
  assert.equal(worn!.isStopped, true);
  assert.equal(await serve(world), 1);
  worn!.end(true);
  assert.deepEqual([world.pool.size, world.threads.length], [1, 2]);
});

test("an instance whose replacement does not load goes on, and is replaced by the next that does", async () => {
  const world = await openWorn();
  const [worn, failing] = world.threads;
  failing!.end(true);
  assert.equal(await serve(world), 0);
  await until(() => world.pool.starts.renew());
  world.threads[2]!.load();
  assert.equal(worn!.isStopped, true);
});
