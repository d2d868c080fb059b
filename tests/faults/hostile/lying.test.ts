/** Functions that speak falsely: forged frames, descriptors, prototypes, answers. */
import { Arena } from "./arena.ts";
import { BRIDGE_PROBES } from "./bridge-probes.ts";
import { CHANNEL_PROBES, HIJACKING_PROBES } from "./channel-probes.ts";
import { RESPONSE_PROBES } from "./response-probes.ts";

const arena = await Arena.open();
await arena.face(CHANNEL_PROBES);
await arena.face({ ...BRIDGE_PROBES, ...RESPONSE_PROBES });
await arena.face(HIJACKING_PROBES);
arena.leavesNothing();
