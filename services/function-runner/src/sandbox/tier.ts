// How well sandboxes are fenced in.
//   full         own user and namespaces, a read-only view of the machine, no network
//   reduced      own user, resource limits, permission flags: keeps one owner's functions from the platform and from each other's files
//   development  permission flags only
export const TIERS = ["development", "reduced", "full"] as const;
export type Tier = (typeof TIERS)[number];

export function meets(tier: Tier, minimum: Tier): boolean {
  return TIERS.indexOf(tier) >= TIERS.indexOf(minimum);
}
