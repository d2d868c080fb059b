import { getHeapStatistics } from "node:v8";
import type { Done } from "../sandbox/sandbox-frames.ts";

const HEAP_SAMPLE_MS = 100;
// The function shares this realm: what it puts in their place later is not asked.
const { threadCpuUsage } = process;
const { eventLoopUtilization } = performance;

/** Where the meter stood when a call began. */
export interface MeterMark {
  cpuPerCallUs: number;
  sharings: number;
}

/** What the calls of this thread cost. Processor time is divided evenly between the calls that are open while it is spent. */
export class Meter {
  #open = 0;
  /** What a call that was open since the start would have cost. */
  #cpuPerCallUs = 0;
  #cpuAtUs = 0;
  /** How often a call began beside another. */
  #sharings = 0;
  /** Of the time with open calls, and not told yet. */
  #openMs = 0;
  #workMs = 0;
  #coreUs = 0;
  #settledAt = 0;
  #workAtMs = 0;
  #memoryKib = 0;
  #heapAt = -Infinity;

  begin(): MeterMark {
    this.#settle();
    if (++this.#open > 1) this.#sharings++;
    return { cpuPerCallUs: this.#cpuPerCallUs, sharings: this.#open > 1 ? -1 : this.#sharings };
  }

  /** What the call has cost; and, told once, what the thread has done. */
  end(mark: MeterMark): Omit<Done, "droppedLines"> {
    this.#settle();
    this.#open--;
    const told = {
      cpuUs: counted(this.#cpuPerCallUs - mark.cpuPerCallUs),
      shared: mark.sharings !== this.#sharings,
      openUs: counted(this.#openMs * 1_000),
      workUs: counted(this.#workMs * 1_000),
      coreUs: counted(this.#coreUs),
      memoryKib: this.#memory(),
    };
    this.#openMs = 0;
    this.#workMs = 0;
    this.#coreUs = 0;
    return told;
  }

  /** Charges what was spent since the last time to those that were open. */
  #settle(): void {
    const { user, system } = threadCpuUsage();
    const work = eventLoopUtilization().active;
    const now = performance.now();
    if (this.#open > 0) {
      this.#cpuPerCallUs += (user + system - this.#cpuAtUs) / this.#open;
      this.#coreUs += user + system - this.#cpuAtUs;
      this.#openMs += now - this.#settledAt;
      this.#workMs += work - this.#workAtMs;
    }
    this.#cpuAtUs = user + system;
    this.#workAtMs = work;
    this.#settledAt = now;
  }

  #memory(): number {
    if (this.#settledAt - this.#heapAt >= HEAP_SAMPLE_MS) {
      this.#heapAt = this.#settledAt;
      const { used_heap_size, external_memory } = getHeapStatistics();
      this.#memoryKib = (used_heap_size + external_memory) >>> 10;
    }
    return this.#memoryKib;
  }
}

/** As a frame carries it. */
function counted(us: number): number {
  return Math.min(Math.max(0, Math.round(us)), 0xffff_ffff);
}
