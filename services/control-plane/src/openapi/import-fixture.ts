import { ApiServiceService, type ImportApisResponse } from "@millrace/proto/control/v1/apis";
import type { RpcClient } from "@millrace/rpc";
import { createGroup } from "../testing/calls.ts";
import { refused } from "../testing/expect.ts";

// Documents, and what becomes of them in a project `shop`.

export const openapi = (paths: object, more: object = {}) => ({
  openapi: "3.0.3",
  info: { title: "t", version: "1" },
  paths,
  ...more,
});
export const ok = { responses: { 200: { description: "ok" } } };

export function importing(client: RpcClient) {
  let groups = 0;
  async function newRevision(): Promise<string> {
    const { name } = await createGroup(client, "shop", `g${++groups}`);
    return `${name}/revisions/0.0.1`;
  }
  function importInto(parent: string, document: unknown, validateOnly = false): Promise<ImportApisResponse> {
    const text = typeof document === "string" ? document : JSON.stringify(document);
    return client.call(ApiServiceService.importApis, { parent, document: text, validateOnly });
  }
  /** Pointers and faults of a document that is refused. */
  async function faultsOf(document: unknown): Promise<[string, string][]> {
    const error = await refused(importInto(await newRevision(), document), "invalid_argument", "document_invalid");
    return error.violations.map(({ field, description }) => [field, description]);
  }
  return { newRevision, importInto, faultsOf };
}
