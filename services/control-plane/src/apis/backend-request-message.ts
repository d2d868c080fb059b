import type { BackendRequest as BackendRequestMessage } from "@millrace/proto/control/v1/apis";
import type { BackendRequest } from "./api.ts";
import type { BackendRequestDraft } from "./backend-request-draft.ts";
import { LOCATION_OF, LOCATIONS } from "./location-message.ts";

export function toBackendRequestDraft({
  method,
  path,
  parameters,
  constants,
}: BackendRequestMessage): BackendRequestDraft {
  return {
    method,
    path,
    parameters: parameters.map((mapping) => ({
      ...mapping,
      location: LOCATION_OF[mapping.location] ?? "",
      backendLocation: LOCATION_OF[mapping.backendLocation] ?? "",
    })),
    constants: constants.map((constant) => ({ ...constant, location: LOCATION_OF[constant.location] ?? "" })),
  };
}

export function toBackendRequestMessage({ parameters, constants, ...rest }: BackendRequest): BackendRequestMessage {
  return {
    ...rest,
    parameters: parameters.map((mapping) => ({
      ...mapping,
      location: LOCATIONS[mapping.location],
      backendLocation: LOCATIONS[mapping.backendLocation],
    })),
    constants: constants.map((constant) => ({ ...constant, location: LOCATIONS[constant.location] })),
  };
}
