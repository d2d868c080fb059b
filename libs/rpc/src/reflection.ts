import type { Server } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { readDescriptorSet } from "@millrace/proto/descriptors";

/** Lets clients such as grpcurl list and describe the given services. */
export function addReflection(server: Server, services: readonly string[]): void {
  const definitions = loadFileDescriptorSetFromBuffer(readDescriptorSet());
  new ReflectionService(definitions, { services: [...services, "grpc.health.v1.Health"] }).addToServer(server);
}
