import { DISPATCH_LIMITS } from "../limits.ts";
import type { Call } from "./call.ts";
import { Departures } from "./departures.ts";

/** The calls of one project that wait, those of functions apart from those of callers. */
export class Lane {
  readonly key: string;
  readonly depth: number;
  /** Those that had a runner before are older than the others. */
  readonly again = new Set<Call>();
  readonly fresh = new Set<Call>();

  constructor(key: string, depth: number) {
    this.key = key;
    this.depth = depth;
  }

  get length(): number {
    return this.again.size + this.fresh.size;
  }

  *[Symbol.iterator](): Iterator<Call> {
    yield* this.again;
    yield* this.fresh;
  }
}

/**
 * Who waits for a slot: a lane for each project, and lanes take turns, so that a project with a thousand calls does not stand before one
 * with a single call. In a lane the order is that of arrival.
 */
export class WaitingLine {
  /** The one whose turn it is comes first. */
  readonly #lanes = new Map<string, Lane>();
  #length = 0;
  #deepLanes = 0;
  /** Since when somebody has waited at every moment. */
  #sinceMs = 0;
  readonly #departures = new Departures();

  get length(): number {
    return this.#length;
  }

  /** Whether calls of functions wait, which may have room where others have none. */
  get hasDeep(): boolean {
    return this.#deepLanes > 0;
  }

  /** A call has left its slot. */
  noteDeparture(nowMs: number): void {
    this.#departures.note(nowMs);
  }

  /** How long the call would wait in its lane as fast as slots come free, when lanes take turns. */
  expectedWaitMs(call: Call, nowMs: number): number {
    const { waitingFreelyMax, evidenceMsMin } = DISPATCH_LIMITS;
    const before = this.#lengthBefore(call);
    if (before < waitingFreelyMax || nowMs - this.#sinceMs < evidenceMsMin) return 0;
    return ((before + 1) * this.#lanes.size) / this.#departures.perMs(nowMs, this.#sinceMs);
  }

  add(call: Call, nowMs: number): void {
    if (this.#length === 0) this.#sinceMs = nowMs;
    let lane = this.#lanes.get(call.laneKey);
    if (lane === undefined) {
      lane = new Lane(call.laneKey, call.depth);
      this.#lanes.set(lane.key, lane);
      if (lane.depth > 0) this.#deepLanes++;
    }
    (call.attempts > 0 ? lane.again : lane.fresh).add(call);
    call.lane = lane;
    this.#length++;
  }

  remove(call: Call): void {
    const { lane } = call;
    if (lane === null) return;
    call.lane = null;
    if (!lane.again.delete(call)) lane.fresh.delete(call);
    this.#length--;
    if (lane.length > 0) return;
    this.#lanes.delete(lane.key);
    if (lane.depth > 0) this.#deepLanes--;
  }

  /** The one who is next, if anybody. */
  first(): Call | undefined {
    for (const lane of this.#lanes.values()) for (const call of lane) return call;
    return undefined;
  }

  /** The last of the longest lane, when that is longer than the one in which the call would wait. */
  lastOfLongest(call: Call): Call | undefined {
    let longest: Lane | undefined;
    for (const lane of this.#lanes.values()) if (lane.length > (longest?.length ?? 0)) longest = lane;
    if (longest === undefined || longest.length <= this.#lengthBefore(call) + 1) return undefined;
    let last: Call | undefined;
    for (const one of longest) last = one;
    return last;
  }

  /**
   * Offers slots in turn, a call of each lane, until `hasRoom` says no or no lane has a call that `place` takes. One that `place` refuses
   * stays; behind it only those are asked who may differ, since they were at some runner already.
   */
  serve(place: (call: Call) => boolean, hasRoom: () => boolean): void {
    let idle = 0;
    while (idle < this.#lanes.size && hasRoom()) {
      const lane = this.#lanes.values().next().value!;
      this.#lanes.delete(lane.key);
      this.#lanes.set(lane.key, lane);
      idle = this.#serveOne(lane, place) ? 0 : idle + 1;
    }
  }

  #lengthBefore(call: Call): number {
    return this.#lanes.get(call.laneKey)?.length ?? 0;
  }

  #serveOne(lane: Lane, place: (call: Call) => boolean): boolean {
    for (const call of lane) {
      if (place(call)) {
        this.remove(call);
        return true;
      }
      if (call.attempts === 0) return false;
    }
    return false;
  }
}
