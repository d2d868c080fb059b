/** Functions that end their process, eat what it has, or cannot be stopped. */
import { Arena } from "./arena.ts";
import { DEAF_PROBES, DYING_PROBES, HUNGRY_PROBES, UNCOUNTED_PROBES } from "./starving-probes.ts";

const arena = await Arena.open();
await arena.face({ ...DYING_PROBES, ...HUNGRY_PROBES });
await arena.face(UNCOUNTED_PROBES);
await arena.face(DEAF_PROBES);
arena.holdsBack(DYING_PROBES["kills its process"]!);
arena.leavesNothing();
