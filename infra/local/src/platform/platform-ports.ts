/** The ports of one platform: the same as last time where they are free. */
import { join } from "node:path";
import { areFree, choosePorts, type Ports, rememberedPorts, rememberPorts } from "../processes/ports.ts";
import { portNames, type ServiceInstance } from "./service-table.ts";

const ENGINE_PORTS = ["nats", "natsMonitor", "postgres", "redis"];
const publicPorts = (overTls: boolean) => ["gateway.http", ...(overTls ? ["gateway.https"] : [])];
const firstGatewaysOwn = (publicPort: string) => publicPort.replace("gateway.", "gateway-1.");

/** Whether gateways can listen on one port together: the system must spread connections over them (`reusePort` of net.listen). */
const CAN_SHARE_PORTS = process.platform === "linux";

/**
 * A port for each name of the services and engines, and the public ports of the gateways, `gateway.http` and `gateway.https`: such as they
 * share, or else the first gateway's own.
 */
export async function portsFor(
  stateDirectory: string,
  instances: readonly ServiceInstance[],
  usual: Ports = {},
  overTls = false,
): Promise<Ports> {
  const file = join(stateDirectory, "ports.json");
  const wanted = { ...usual, ...rememberedPorts(file) };
  const share = CAN_SHARE_PORTS && instances.filter(({ service }) => service === "gateway").length > 1;
  const open = publicPorts(overTls);
  const doubled = share ? [] : open.map(firstGatewaysOwn);
  const own = portNames(instances, overTls).filter((name) => !doubled.includes(name));
  const chosen = await choosePorts([...open, ...ENGINE_PORTS, ...own], wanted);
  const same = share ? [] : open.map((name) => [firstGatewaysOwn(name), chosen[name]!] as const);
  const ports = { ...chosen, ...Object.fromEntries(same) };
  rememberPorts(file, { ...wanted, ...ports });
  return ports;
}

/** Whether somebody else has one of the ports that were chosen last, when all that was started on them is stopped. */
export async function isPortLost(
  stateDirectory: string,
  instances: readonly ServiceInstance[],
  overTls: boolean,
): Promise<boolean> {
  const chosen = rememberedPorts(join(stateDirectory, "ports.json"));
  const names = [...publicPorts(overTls), ...ENGINE_PORTS, ...portNames(instances, overTls)];
  return !(await areFree([...new Set(names.flatMap((name) => chosen[name] ?? []))]));
}
