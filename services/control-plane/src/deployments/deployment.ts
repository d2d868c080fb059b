import { PlatformError } from "@millrace/errors";
import { type Environment, hostLabel } from "@millrace/names";

// A deployment is a group in an environment. It outlives its releases.

export interface DeploymentKey {
  /** Of the group. */
  label: string;
  environment: Environment;
}

export type DeploymentState = "unreleased" | "serving" | "offline";

export interface Deployment extends DeploymentKey {
  state: DeploymentState;
  /** Number of the newest release, which is served unless the deployment is offline; undefined before the first. */
  release: number | undefined;
  revision: number | undefined;
  snapshotDigest: string | undefined;
  /** Those that are proved, sorted. */
  customHosts: string[];
  /** Rises with every change of what gateways are told. */
  generation: number;
  /** Rises with every change. */
  version: number;
  updatedAt: Date;
}

/** Where deployments are called. */
export interface Addresses {
  region: string;
  baseDomain: string;
  /** `http://gateway.example:8080` */
  gatewayPublicUrl: string;
}

export function hostOf({ label, environment }: DeploymentKey, { region, baseDomain }: Addresses): string {
  return `${hostLabel(label, environment)}.${region}.${baseDomain}`;
}

/** Where to call a deployment by its host, and in the path form that needs no name resolution. */
export function urlsOf(key: DeploymentKey, addresses: Addresses): { hostUrl: string; pathUrl: string } {
  const gateway = new URL(addresses.gatewayPublicUrl);
  const port = gateway.port === "" ? "" : `:${gateway.port}`;
  return {
    hostUrl: `${gateway.protocol}//${hostOf(key, addresses)}${port}`,
    pathUrl: `${gateway.origin}/~${key.label}/${key.environment}`,
  };
}

/** Throws `failed_precondition` deployment_unreleased before the first release. */
export function checkReleased(deployment: Deployment): void {
  if (deployment.state !== "unreleased") return;
  throw new PlatformError("failed_precondition", `Nothing has been released to ${deployment.environment} yet.`, {
    reason: "deployment_unreleased",
  });
}
