// The standard messages that errors and health travel in.

export { Any } from "../gen/google/protobuf/any.ts";
export { Empty } from "../gen/google/protobuf/empty.ts";
export { Timestamp } from "../gen/google/protobuf/timestamp.ts";
export { BadRequest, ErrorInfo } from "../gen/google/rpc/error_details.ts";
export { Status } from "../gen/google/rpc/status.ts";
export {
  HealthCheckResponse_ServingStatus,
  HealthClient,
  type HealthServer,
  HealthService,
} from "../gen/grpc/health/v1/health.ts";
