// The main thread of a sandbox. It starts and ends the threads that run functions and watches their memory. It holds no secret of the
// platform and never parses what functions send: their frames go straight from their thread to the supervisor.
//
// argv: the folder of all code that functions may read, the folder that they may write in, and the one with the supervisor's socket for
// connections; empty where functions use the machine's network themselves.
import { Socket } from "node:net";
import { type Frame, FrameReader } from "@millrace/frames";
import { Channel } from "../sandbox/channel.ts";
import { SANDBOX_FRAME } from "../sandbox/sandbox-frames.ts";
import { InstanceThread } from "./instance-thread.ts";
import { watchMemory } from "./memory-watch.ts";
import { openWay } from "./relay-listener.ts";

const CONTROL_FD = 3;
const [code, temporary, egress] = process.argv.slice(2) as [string, string, string];
const way = egress === "" ? undefined : openWay(egress);
const threads = new Map<number, InstanceThread>();

// The supervisor holds the other end for as long as it lives. Nothing gentler than SIGKILL ends a process whose threads spin.
const control = new Channel(new Socket({ fd: CONTROL_FD }), {
  onFrame(frame) {
    if (frame.type === SANDBOX_FRAME.prepare) prepare(frame);
    if (frame.type === SANDBOX_FRAME.stop) threads.get(frame.call)?.stop();
  },
  onEnd: () => process.kill(process.pid, "SIGKILL"),
});

/** Starts a thread without anything to run: what that is, it is told over its own channel. */
function prepare({ call: number, payload }: Frame): void {
  const reader = new FrameReader(payload);
  const start = { channelFd: reader.u32(), memoryMib: reader.u32(), withWeb: reader.u8() === 1, way };
  const thread = new InstanceThread(start, { code, temporary }, (cause, text) => {
    threads.delete(number);
    control.writer().begin(SANDBOX_FRAME.ended, 0, number).u8(cause).raw(Buffer.from(text)).end();
  });
  threads.set(number, thread);
  control.writer().begin(SANDBOX_FRAME.preparing, 0, number).end();
}

watchMemory(() => threads.values());
control.writer().begin(SANDBOX_FRAME.booted, 0, 0).end();
