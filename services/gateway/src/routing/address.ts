import { ENVIRONMENTS, type Environment, hostLabel } from "@millrace/names";

// Which deployment a request means. Its Host says so, as one of the platform's or a custom one; when it says nothing, the path form does:
// `/~{label}/{environment}/…`.

export interface PlatformDomain {
  region: string;
  baseDomain: string;
}

const PATH_FORM = /^\/~([a-z0-9]{1,63})\/([a-z]+)(\/.*)?$/;

/** What a Host header names: without the port, in lower case. */
export function hostNamed(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

/** The first label of a host of this platform; null for any other. */
export function labelOfHost(name: string, { region, baseDomain }: PlatformDomain): string | null {
  const suffix = `.${region}.${baseDomain}`;
  const label = name.endsWith(suffix) ? name.slice(0, -suffix.length) : "";
  return label === "" || label.includes(".") ? null : label;
}

/** Takes the path form apart: the host label it stands for, and where the path begins that the deployment sees. */
export function readPathForm(path: string): { hostLabel: string; restAt: number } | null {
  const match = PATH_FORM.exec(path);
  if (match === null || !ENVIRONMENTS.includes(match[2] as Environment)) return null;
  const restAt = path.length - (match[3] ?? "").length;
  return { hostLabel: hostLabel(match[1]!, match[2] as Environment), restAt };
}
