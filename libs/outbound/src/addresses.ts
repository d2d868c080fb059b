import { BlockList, isIP, SocketAddress } from "node:net";

export interface CheckedAddress {
  address: string;
  family: 4 | 6;
}

const PRIVATE_V4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // Where clouds answer questions about their machines.
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const;
/** All of the public addresses there are, and in it the tunnels that carry an IPv4 address inside. */
const GLOBAL_V6 = ["2000::", 3] as const;
const TUNNELS_V6 = [
  ["2001::", 32],
  ["2002::", 16],
] as const;

const privateV4 = new BlockList();
for (const [net, prefix] of PRIVATE_V4) privateV4.addSubnet(net, prefix, "ipv4");
const globalV6 = new BlockList();
globalV6.addSubnet(...GLOBAL_V6, "ipv6");
const tunnelsV6 = new BlockList();
for (const [net, prefix] of TUNNELS_V6) tunnelsV6.addSubnet(net, prefix, "ipv6");
const mappedV4 = new BlockList();
mappedV4.addSubnet("::ffff:0:0", 96, "ipv6");

/** The address that a connection goes to: an IPv4 address in the clothes of IPv6 is one of IPv4. Undefined when it is no address. */
export function readAddress(text: string): CheckedAddress | undefined {
  const family = isIP(text);
  if (family === 0 || text.includes("%")) return undefined;
  if (family === 4) return { address: text, family };
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  return mappedV4.check(address, "ipv6") ? { address: unmapped(address), family: 4 } : { address, family: 6 };
}

/** Whether nobody needs to be asked before a stranger's code connects to it: on the internet, and no way back into a private network. */
export function isPublic({ address, family }: CheckedAddress): boolean {
  if (family === 4) return !privateV4.check(address, "ipv4");
  return globalV6.check(address, "ipv6") && !tunnelsV6.check(address, "ipv6");
}

export function isLoopback({ address, family }: CheckedAddress): boolean {
  return family === 4 ? address.startsWith("127.") : address === "::1";
}

/** A mapped address is written with its last 32 bits as IPv4 or as two groups. */
function unmapped(address: string): string {
  const last = address.slice(address.lastIndexOf(":") + 1);
  if (last.includes(".")) return last;
  const [high = 0, low = 0] = address
    .split(":")
    .slice(-2)
    .map((group) => Number.parseInt(group || "0", 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
