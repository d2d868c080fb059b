import { BATCH_MAGIC, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_VERSION } from "./frame.ts";
import { countSpent } from "./spent-buffers.ts";

/** One frame, taken apart as far as its header. `payload` shares memory with what was received. */
export interface Frame {
  type: number;
  flags: number;
  call: number;
  payload: Buffer;
}

/** The bytes that open a batch from the gateway `sender` (at most 255 latin-1 characters), or from a runner, which leaves it empty. */
export function batchHeader(sender: string): Buffer {
  return Buffer.concat([Buffer.from([BATCH_MAGIC, FRAME_VERSION, sender.length]), Buffer.from(sender, "latin1")]);
}

/** The sender of a batch and where its frames begin; null when it is no batch. Never throws. */
export function readBatchHeader(message: Buffer): { sender: string; framesAt: number } | null {
  if (message.length < 3 || message[0] !== BATCH_MAGIC || message[1] === 0) return null;
  const framesAt = 3 + message[2]!;
  if (framesAt > message.length) return null;
  return { sender: message.toString("latin1", 3, framesAt), framesAt };
}

/**
 * Hands each whole frame from `at` on to `onFrame`; answers where the first incomplete frame begins, or -1 when what stands there can be
 * no frame. Never throws by itself.
 */
export function readFrames(bytes: Buffer, at: number, onFrame: (frame: Frame) => void): number {
  countSpent(bytes.length);
  let start = at;
  while (bytes.length - start >= 4) {
    const length = bytes.readUInt32LE(start);
    if (length < FRAME_HEADER_BYTES - 4 || length > FRAME_BYTES_MAX - 4) return -1;
    const end = start + 4 + length;
    if (end > bytes.length) break;
    onFrame({
      type: bytes[start + 4]!,
      flags: bytes[start + 5]!,
      call: bytes.readUInt32LE(start + 6),
      payload: bytes.subarray(start + FRAME_HEADER_BYTES, end),
    });
    start = end;
  }
  return start;
}
