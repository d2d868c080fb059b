/** Every public method of the platform, read from the compiled contracts, so that no test can forget a new one. */
import { createFileRegistry, type DescField, type DescMethod, fromBinary, ScalarType } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { readDescriptorSet } from "@millrace/proto/descriptors";

export type ContractMethod = {
  /** `package.Service` */
  readonly service: string;
  readonly method: string;
  /** `Service.Method`, for titles. */
  readonly title: string;
  /** `/package.Service/Method` */
  readonly path: string;
  /** For services among themselves. */
  readonly internal: boolean;
  readonly kind: DescMethod["methodKind"];
  readonly fields: readonly DescField[];
};

export const METHODS: readonly ContractMethod[] = readMethods();
export const PUBLIC_METHODS = METHODS.filter(({ internal }) => !internal);

function readMethods(): ContractMethod[] {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readDescriptorSet()));
  return [...registry.files]
    .filter(({ name }) => name.startsWith("millrace/"))
    .flatMap((file) =>
      file.services.flatMap((service) =>
        service.methods.map((method) => ({
          service: service.typeName,
          method: method.name,
          title: `${service.name}.${method.name}`,
          path: `/${service.typeName}/${method.name}`,
          internal: file.name.endsWith("/internal"),
          kind: method.methodKind,
          fields: method.input.fields,
        })),
      ),
    );
}

/** A JSON value that cannot be the field's. */
export function wrongValueOf(field: DescField): unknown {
  if (field.fieldKind === "list") return { not: "a list" };
  if (field.fieldKind === "map") return ["not", "a map"];
  if (field.fieldKind === "message") return 7;
  if (field.fieldKind === "enum") return "NO_SUCH_VALUE";
  return field.scalar === ScalarType.STRING ? { not: "text" } : "not a number, truth or base64 !";
}
