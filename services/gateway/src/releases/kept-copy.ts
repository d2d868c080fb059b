/**
 * A copy for keeping, with memory of its own: it holds neither the message that the bytes came in nor, as short buffers of Node's do, a slab of
 * 64 KiB of which all the rest was let go.
 */
export function keptCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
