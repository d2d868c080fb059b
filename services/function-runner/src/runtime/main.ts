// The main thread of a sandbox. It starts and ends the threads that run functions and watches their memory. It holds no secret of the
// platform and never parses what functions send: their frames go straight from their thread to the supervisor.
//
// argv: the folder that functions may write in.
import { Socket } from "node:net";
import { Channel } from "../sandbox/channel.ts";
import { type InstanceStart, readJson, SANDBOX_FRAME, writeJson } from "../sandbox/sandbox-frames.ts";
import { InstanceThread } from "./instance-thread.ts";
import { watchMemory } from "./memory-watch.ts";

const CONTROL_FD = 3;
const [temporaryFolder] = process.argv.slice(2) as [string];
const threads = new Map<number, InstanceThread>();

// The supervisor holds the other end for as long as it lives. Nothing gentler than SIGKILL ends a process whose threads spin.
const control = new Channel(new Socket({ fd: CONTROL_FD }), {
  onFrame(frame) {
    if (frame.type === SANDBOX_FRAME.start) start(frame.call, readJson(frame) as unknown as InstanceStart);
    if (frame.type === SANDBOX_FRAME.stop) threads.get(frame.call)?.stop();
  },
  onEnd: () => process.kill(process.pid, "SIGKILL"),
});

function start(instance: number, request: InstanceStart): void {
  const thread = new InstanceThread(request, temporaryFolder, (cause, text) => {
    threads.delete(instance);
    control.writer().begin(SANDBOX_FRAME.ended, 0, instance).u8(cause).raw(Buffer.from(text)).end();
  });
  threads.set(instance, thread);
}

watchMemory(() => threads.values());
writeJson(control.writer(), SANDBOX_FRAME.booted, 0, { uid: process.getuid?.() });
