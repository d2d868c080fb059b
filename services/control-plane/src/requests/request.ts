import { principalName, type RpcContext } from "@millrace/rpc";
import type { IdempotentRequest } from "@millrace/sql";

interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
}

/** What makes a repeated create answer as the first did. */
export function onceOf<Message extends { requestId: string }>(
  context: RpcContext,
  message: Message,
  codec: Codec<Message>,
): IdempotentRequest {
  return {
    principal: principalName(context.principal),
    method: context.method,
    requestId: message.requestId,
    request: codec.encode(message).finish(),
  };
}

/** How a person is named in a release or an event. */
export function authorOf({ principal }: RpcContext): string {
  return principal.kind === "person" ? principal.email : principalName(principal);
}
