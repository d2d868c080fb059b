import { type Egress as EgressMessage, Egress_Mode as Mode } from "@millrace/proto/control/v1/functions";
import type { AskedEgress } from "./egress.ts";
import type { Egress } from "./function.ts";

const MODES = { none: Mode.NONE, http: Mode.HTTP, hosts: Mode.HOSTS } as const;

export function askedEgress({ mode, hosts }: EgressMessage): AskedEgress {
  const word = (Object.keys(MODES) as Egress["mode"][]).find((name) => MODES[name] === mode);
  return { mode: word ?? "http", hosts };
}

export function toEgressMessage(egress: Egress): EgressMessage {
  return { mode: MODES[egress.mode], hosts: egress.mode === "hosts" ? [...egress.hosts] : [] };
}
