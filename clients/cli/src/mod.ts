import { readFileSync } from "node:fs";
import type { Registry } from "./command-line.ts";
import { registerAdmin } from "./commands/admin.ts";
import { registerAlarm } from "./commands/alarm.ts";
import { registerApi } from "./commands/api.ts";
import { registerAudit } from "./commands/audit.ts";
import { registerAuthorization } from "./commands/authorization.ts";
import { registerCall } from "./commands/call.ts";
import { registerDeploy } from "./commands/deploy.ts";
import { registerDomain } from "./commands/domain.ts";
import { registerExplain } from "./commands/explain.ts";
import { registerFunction } from "./commands/function.ts";
import { registerGateway } from "./commands/gateway.ts";
import { registerGroup } from "./commands/group.ts";
import { registerKey } from "./commands/key.ts";
import { registerLogin } from "./commands/login.ts";
import { registerLogs } from "./commands/logs.ts";
import { registerMember } from "./commands/member.ts";
import { registerMetrics } from "./commands/metrics.ts";
import { registerPerson } from "./commands/person.ts";
import { registerProject } from "./commands/project.ts";
import { registerRelease } from "./commands/release.ts";
import { registerRequests } from "./commands/requests.ts";
import { registerRunner } from "./commands/runner.ts";
import { registerToken } from "./commands/token.ts";
import { registerTop } from "./commands/top.ts";

export { runCommandLine } from "./command-line.ts";
export type { Terminal } from "./terminal.ts";

export const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Every command, in the order of the help. */
export function registerCommands(registry: Registry): void {
  registerDeploy(registry);
  registerCall(registry);
  registerLogs(registry);
  registerRequests(registry);
  registerExplain(registry);
  registerMetrics(registry);
  registerTop(registry);
  registerFunction(registry);
  registerGroup(registry);
  registerApi(registry);
  registerRelease(registry);
  registerDomain(registry);
  registerKey(registry);
  registerAuthorization(registry);
  registerProject(registry);
  registerMember(registry);
  registerToken(registry);
  registerLogin(registry);
  registerPerson(registry);
  registerRunner(registry);
  registerGateway(registry);
  registerAlarm(registry);
  registerAudit(registry);
  registerAdmin(registry);
}
