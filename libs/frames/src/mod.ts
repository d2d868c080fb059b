export { batchHeader, type Frame, readBatchHeader, readFrames } from "./batch.ts";
export { Batcher } from "./batcher.ts";
export { CallMap } from "./call-map.ts";
export * from "./frame.ts";
export { FrameReader } from "./frame-reader.ts";
export { FrameWriter } from "./frame-writer.ts";
export * from "./messages.ts";
export { slotsAtDepth } from "./slots.ts";
export { StreamParser } from "./stream-parser.ts";
