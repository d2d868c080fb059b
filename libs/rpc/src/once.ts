import { principalName } from "./access.ts";
import type { RpcContext } from "./rpc-server.ts";

interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
}

/** What makes a repeated create answer as the first did (AIP-155): who asks for what under which id. */
export function onceOf<Message extends { requestId: string }>(
  { principal, method }: RpcContext,
  message: Message,
  codec: Codec<Message>,
) {
  const { requestId } = message;
  return { principal: principalName(principal), method, requestId, request: codec.encode(message).finish() };
}
