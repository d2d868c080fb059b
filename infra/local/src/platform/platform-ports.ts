/** The ports of one platform: the same as last time where they are free. */
import { join } from "node:path";
import { areFree, choosePorts, type Ports, rememberedPorts, rememberPorts } from "../processes/ports.ts";
import { portNames, type ServiceInstance } from "./service-table.ts";

const ENGINE_PORTS = ["nats", "natsMonitor", "postgres", "redis"];
const PUBLIC_PORT = "gateway.http";
const FIRST_GATEWAY_PORT = "gateway-1.http";

/** Whether gateways can listen on one port together: the system must spread connections over them (`reusePort` of net.listen). */
const CAN_SHARE_PORTS = process.platform === "linux";

/**
 * A port for each name of the services and engines, and the public port of the gateways, `gateway.http`: one that they share, or else
 * the first gateway's own.
 */
export async function portsFor(
  stateDirectory: string,
  instances: readonly ServiceInstance[],
  usual: Ports = {},
): Promise<Ports> {
  const file = join(stateDirectory, "ports.json");
  const wanted = { ...usual, ...rememberedPorts(file) };
  const share = CAN_SHARE_PORTS && instances.filter(({ service }) => service === "gateway").length > 1;
  const own = portNames(instances).filter((name) => share || name !== FIRST_GATEWAY_PORT);
  const chosen = await choosePorts([PUBLIC_PORT, ...ENGINE_PORTS, ...own], wanted);
  const ports = share ? chosen : { ...chosen, [FIRST_GATEWAY_PORT]: chosen[PUBLIC_PORT]! };
  rememberPorts(file, { ...wanted, ...ports });
  return ports;
}

/** Whether somebody else has one of the ports that were chosen last, when all that was started on them is stopped. */
export async function isPortLost(stateDirectory: string, instances: readonly ServiceInstance[]): Promise<boolean> {
  const chosen = rememberedPorts(join(stateDirectory, "ports.json"));
  const names = [PUBLIC_PORT, ...ENGINE_PORTS, ...portNames(instances)];
  return !(await areFree([...new Set(names.flatMap((name) => chosen[name] ?? []))]));
}
