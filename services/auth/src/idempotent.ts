import { principalName, type RpcContext } from "@millrace/rpc";
import type { IdempotentRequest } from "@millrace/sql";
import type { RequestCheck } from "./request-check.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Who asks for what under which id; the id is optional. */
export function idempotent(
  check: RequestCheck,
  context: RpcContext,
  requestId: string,
  request: Uint8Array,
): IdempotentRequest {
  check.that(requestId === "" || UUID.test(requestId), "request_id", "must be a UUID");
  return { principal: principalName(context.principal), method: context.method, requestId, request };
}
