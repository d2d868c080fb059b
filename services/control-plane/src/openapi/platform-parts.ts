import type { AccessMode } from "../groups/group.ts";
import type { JsonObject } from "./document.ts";
import { PLATFORM_EXTENSION } from "./report.ts";

// What every exported document says of the platform itself. An import passes over it.

const OWN = { [PLATFORM_EXTENSION]: true };

export const PLATFORM_ANSWER: JsonObject = { $ref: "#/components/responses/PlatformError" };

export const PLATFORM_COMPONENTS: JsonObject = {
  responses: {
    PlatformError: {
      ...OWN,
      description: "The request could not be served: `component` and `reason` say where and why",
      content: {
        "application/problem+json": {
          schema: {
            type: "object",
            required: ["status", "title", "component", "reason", "requestId"],
            properties: {
              type: { type: "string" },
              status: { type: "integer" },
              title: { type: "string" },
              detail: { type: "string" },
              component: { enum: ["gateway", "dispatch", "runner", "function", "backend"] },
              reason: { type: "string" },
              requestId: { type: "string" },
            },
          },
        },
      },
    },
  },
};

const SCHEMES: JsonObject = {
  subscriptionKey: {
    ...OWN,
    type: "apiKey",
    in: "header",
    name: "x-api-key",
    description: "A subscription key that is authorised for the deployment",
  },
  signature: {
    ...OWN,
    type: "apiKey",
    in: "header",
    name: "Authorization",
    description:
      "A signature with an access key that is authorised for the deployment: AWS4-HMAC-SHA256, JDCLOUD2-HMAC-SHA256 or JDCLOUD3-HMAC-SHA256; " +
      "the scope's service is the first label of the deployment's host",
  },
};

/** Callers need one of the schemes. */
export function securityOf(access: AccessMode): { security: JsonObject[]; securitySchemes: JsonObject | undefined } {
  if (access === "none") return { security: [], securitySchemes: undefined };
  return { security: Object.keys(SCHEMES).map((name) => ({ [name]: [] })), securitySchemes: SCHEMES };
}
