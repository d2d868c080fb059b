import type { AdminServiceService } from "@millrace/proto/control/v1/admin";
import type { HandlersOf } from "@millrace/rpc";
import type { AdminService } from "./admin-service.ts";

export function adminHandlers(admin: AdminService): HandlersOf<typeof AdminServiceService> {
  return {
    async reproject(_request, { signal }) {
      return admin.reproject(signal);
    },
    async listRunners() {
      return { runners: admin.runners() };
    },
  };
}
