import { principalName, type RpcContext } from "@millrace/rpc";

/** How a person is named in a release or an event. */
export function authorOf({ principal }: RpcContext): string {
  return principal.kind === "person" ? principal.email : principalName(principal);
}
