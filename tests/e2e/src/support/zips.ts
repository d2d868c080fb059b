/** Archives, honest and hostile. */
import { buffer } from "node:stream/consumers";
import { ZipFile } from "yazl";

export type ZipEntries = Readonly<Record<string, string | Uint8Array>>;

const SYMLINK_MODE = 0o120777;

export function zipOf(entries: ZipEntries, options: { readonly symlinks?: ZipEntries } = {}): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(entries)) zip.addBuffer(Buffer.from(content as string), name);
  for (const [name, target] of Object.entries(options.symlinks ?? {})) {
    zip.addBuffer(Buffer.from(target as string), name, { mode: SYMLINK_MODE, compress: false });
  }
  zip.end();
  return buffer(zip.outputStream);
}

/** The same archive with other bytes in every place, such as a name that the writer would not have accepted. */
export function patched(zip: Buffer, from: string | Buffer, to: string | Buffer): Buffer {
  const [wanted, replacement] = [Buffer.from(from as string), Buffer.from(to as string)];
  if (wanted.length !== replacement.length) throw new Error("a patch must keep the length");
  const copy = Buffer.from(zip);
  let at = copy.indexOf(wanted);
  if (at < 0) throw new Error(`there is no ${wanted.toString("hex")} to patch`);
  for (; at >= 0; at = copy.indexOf(wanted, at + wanted.length)) replacement.copy(copy, at);
  return copy;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
