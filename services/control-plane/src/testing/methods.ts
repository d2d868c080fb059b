import { readdirSync } from "node:fs";

/** A method as the generated code has it. */
export interface Method {
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  requestSerialize(request: never): Buffer;
  requestDeserialize(bytes: Buffer): Record<string, unknown>;
  responseDeserialize(bytes: Buffer): unknown;
}

/** All that the protos of control-plane define, by path. */
export async function allMethods(): Promise<Map<string, Method>> {
  const methods = new Map<string, Method>();
  for (const file of readdirSync(new URL("../../../../proto/gen/millrace/control/v1", import.meta.url))) {
    const module = (await import(`@millrace/proto/control/v1/${file.replace(/\.ts$/, "")}`)) as Record<string, unknown>;
    for (const [name, service] of Object.entries(module)) {
      if (!name.endsWith("ServiceService")) continue;
      for (const method of Object.values(service as Record<string, Method>)) methods.set(method.path, method);
    }
  }
  return methods;
}
