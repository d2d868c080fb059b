import { createFileRegistry, type DescFile, type DescMethod, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

// What the bridge serves, read from the compiled protos: every service of the packages below but those of an internal.proto, which
// are for services among themselves.

/** Package → the peer that serves it. */
const PEERS = { "millrace.auth.v1": "auth", "millrace.control.v1": "control-plane" } as const;
export type Peer = (typeof PEERS)[keyof typeof PEERS];

export interface BridgedMethod {
  /** `{package.Service}/{Method}` */
  path: string;
  peer: Peer;
  descriptor: DescMethod;
  /** The comment of the proto. */
  description: string;
}

export interface BridgedService {
  name: string;
  description: string;
  methods: readonly BridgedMethod[];
}

export function readCatalogue(descriptorSet: Uint8Array): BridgedService[] {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  return [...registry.files].filter(isPublic).flatMap(servicesOf);
}

function isPublic(file: DescFile): boolean {
  return Object.hasOwn(PEERS, file.proto.package) && !file.name.endsWith("/internal");
}

function servicesOf(file: DescFile): BridgedService[] {
  const peer = PEERS[file.proto.package as keyof typeof PEERS];
  return file.services.map((service, serviceIndex) => ({
    name: service.typeName,
    description: commentAt(file, [SERVICE_FIELD, serviceIndex]),
    methods: service.methods.map((descriptor, methodIndex) => ({
      path: `${service.typeName}/${descriptor.name}`,
      peer,
      descriptor,
      description: commentAt(file, [SERVICE_FIELD, serviceIndex, METHOD_FIELD, methodIndex]),
    })),
  }));
}

// Numbers of FileDescriptorProto.service and ServiceDescriptorProto.method, of which paths in SourceCodeInfo are made.
const SERVICE_FIELD = 6;
const METHOD_FIELD = 2;

function commentAt(file: DescFile, path: readonly number[]): string {
  const location = file.proto.sourceCodeInfo?.location.find(
    (candidate) => candidate.path.length === path.length && candidate.path.every((part, i) => part === path[i]),
  );
  return (location?.leadingComments ?? "").replace(/\s+/g, " ").trim();
}
