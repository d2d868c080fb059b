import { readFileSync } from "node:fs";

// The compiled protos as a google.protobuf.FileDescriptorSet: what reflection and the JSON bridge read.
export function readDescriptorSet(): Buffer {
  return readFileSync(new URL("../gen/descriptors.binpb", import.meta.url));
}
