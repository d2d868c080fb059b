import {
  type ApiDifference as ApiDifferenceMessage,
  ApiDifference_Kind as Kind,
} from "@millrace/proto/control/v1/differences";
import type { ApiDifference } from "./difference.ts";

export function toDifferenceMessage({ id, kind, fields }: ApiDifference): ApiDifferenceMessage {
  return { apiId: id, kind: KINDS[kind], fields: fields.map((field) => ({ ...field })) };
}

const KINDS = { added: Kind.ADDED, removed: Kind.REMOVED, changed: Kind.CHANGED } as const;
