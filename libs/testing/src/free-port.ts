import { choosePorts } from "@millrace/local";

/** A port on 127.0.0.1 that is free now, and that the system does not hand to outgoing connections. */
export async function freePort(): Promise<number> {
  const { port } = await choosePorts(["port"], {});
  return port!;
}
