import type { HeapInfo } from "node:v8";
import { Worker } from "node:worker_threads";
import type { Way } from "../egress/wire.ts";
import { ENDED, type EndCause, type ThreadKind } from "../sandbox/sandbox-frames.ts";

const MIB = 1024 ** 2;
const TEXT_CHARACTERS_MAX = 8 * 1024;
/** As a message may name it that speaks of a file of the function's own. */
const ARTIFACT_FOLDER = /(?:file:\/\/)?[^\s'"`(]*\/[0-9a-f]{64}\//g;
/** Buffers wait for a collection of garbage before they are given back; this much of them is no runaway yet. */
const EXTERNAL_SLACK_BYTES = 32 * MIB;

/** What the thread learns when it starts; nothing else of the sandbox. */
export interface ThreadStart extends ThreadKind {
  channelFd: number;
  /** To the world; undefined where the machine's network is the thread's own. */
  way: Way | undefined;
}

/** As the thread sees them. */
interface ThreadFolders {
  code: string;
  temporary: string;
}

/** A thread that is blank at first, and then holds one function version. The permission flags are the thread's own: the main thread keeps its freedom. */
export class InstanceThread {
  readonly #worker: Worker;
  readonly #memoryBytesMax: number;
  #stopAsked = false;
  /** What ended it by itself, or why it had to be ended. */
  #fault: EndCause | undefined;
  #text = "";

  constructor(start: ThreadStart, folders: ThreadFolders, onEnded: (cause: EndCause, text: string) => void) {
    this.#memoryBytesMax = start.memoryMib * MIB + EXTERNAL_SLACK_BYTES;
    this.#worker = new Worker(new URL("./instance.mjs", import.meta.url), {
      env: { TMPDIR: folders.temporary },
      argv: [],
      stdin: false,
      stdout: true,
      stderr: true,
      trackUnmanagedFds: true,
      execArgv: threadFlags(folders),
      resourceLimits: { maxOldGenerationSizeMb: start.memoryMib, maxYoungGenerationSizeMb: 16, codeRangeSizeMb: 16 },
      workerData: start satisfies ThreadStart,
    });
    // What a function prints goes over its channel; what it writes past that is nobody's.
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#worker.on("error", (error: unknown) => this.#failed(error));
    this.#worker.on("exit", (code) => {
      const cause = this.#fault ?? (this.#stopAsked ? ENDED.stopped : ENDED.exited);
      onEnded(cause, this.#text || `exit code ${code}`);
    });
  }

  stop(): void {
    this.#stopAsked = true;
    void this.#worker.terminate();
  }

  /** Ends the thread when it holds more memory than its function may; V8 bounds only its heap. */
  async checkMemory(): Promise<void> {
    const heap: HeapInfo = await this.#worker.getHeapStatistics();
    if (heap.used_heap_size + heap.external_memory <= this.#memoryBytesMax) return;
    this.#fault = ENDED.outOfMemory;
    this.stop();
  }

  #failed(error: unknown): void {
    const { code, stack } = (error ?? {}) as { code?: unknown; stack?: unknown };
    this.#fault ??= code === "ERR_WORKER_OUT_OF_MEMORY" ? ENDED.outOfMemory : ENDED.crashed;
    // Where it was thrown the thread itself has said, which knows the places.
    const [head] = (typeof stack === "string" ? stack : String(error)).split(/\n\s+at /, 1) as [string];
    this.#text = head.slice(0, TEXT_CHARACTERS_MAX).replace(ARTIFACT_FOLDER, "");
  }
}

/** All code in the sandbox is one project's: its functions may read each other's. */
function threadFlags({ code, temporary }: ThreadFolders): string[] {
  return [
    "--permission",
    `--allow-fs-read=${import.meta.dirname}/*`,
    `--allow-fs-read=${code}/*`,
    `--allow-fs-read=${temporary}/*`,
    `--allow-fs-write=${temporary}/*`,
    // The permission model knows no addresses; the network is fenced outside the process or not at all.
    "--allow-net",
    // Its ATTACH opens files below the permission model.
    "--no-experimental-sqlite",
    "--no-warnings",
  ];
}
