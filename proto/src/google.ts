// The standard messages that errors and health travel in.
export { Timestamp } from "../gen/google/protobuf/timestamp.ts";
export { Any } from "../gen/google/protobuf/any.ts";
export { Empty } from "../gen/google/protobuf/empty.ts";
export { BadRequest, ErrorInfo } from "../gen/google/rpc/error_details.ts";
export { Status } from "../gen/google/rpc/status.ts";
export {
  HealthCheckResponse_ServingStatus,
  HealthClient,
  HealthService,
  type HealthServer,
} from "../gen/grpc/health/v1/health.ts";
