// The main thread of a sandbox. It starts and ends the threads that run functions and watches their memory. It holds no secret of the
// platform and never parses what functions send: their frames go straight from their thread to the supervisor.
//
// argv: the folder that functions may write in.
import { Socket } from "node:net";
import { FLAG, type Frame } from "@millrace/frames";
import { Channel } from "../sandbox/channel.ts";
import { type InstanceStart, SANDBOX_FRAME, writeJson } from "../sandbox/sandbox-frames.ts";
import { InstanceThread } from "./instance-thread.ts";
import { watchMemory } from "./memory-watch.ts";

const CONTROL_FD = 3;
const [temporaryFolder] = process.argv.slice(2) as [string];
const pieces: Buffer[] = [];
const threads = new Map<number, InstanceThread>();

// The supervisor holds the other end for as long as it lives. Nothing gentler than SIGKILL ends a process whose threads spin.
const control = new Channel(new Socket({ fd: CONTROL_FD }), {
  onFrame(frame) {
    if (frame.type === SANDBOX_FRAME.start) collectStart(frame);
    if (frame.type === SANDBOX_FRAME.stop) threads.get(frame.call)?.stop();
  },
  onEnd: () => process.kill(process.pid, "SIGKILL"),
});

/** One start comes after the other, each whole. */
function collectStart(frame: Frame): void {
  pieces.push(Buffer.from(frame.payload));
  if ((frame.flags & FLAG.end) === 0) return;
  const request = JSON.parse(Buffer.concat(pieces.splice(0)).toString("utf8")) as InstanceStart;
  start(frame.call, request);
}

function start(instance: number, request: InstanceStart): void {
  const thread = new InstanceThread(request, temporaryFolder, (cause, text) => {
    threads.delete(instance);
    control.writer().begin(SANDBOX_FRAME.ended, 0, instance).u8(cause).raw(Buffer.from(text)).end();
  });
  threads.set(instance, thread);
}

watchMemory(() => threads.values());
writeJson(control.writer(), SANDBOX_FRAME.booted, 0, { uid: process.getuid?.() });
