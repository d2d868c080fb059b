/** Functions that reach for what is not theirs: other processes, files, addresses, secrets. */
import { Arena } from "./arena.ts";
import { EGRESS_PROBES } from "./egress-probes.ts";
import { FILE_PROBES } from "./file-probes.ts";
import { HOSTILE_UPLOADS } from "./hostile-uploads.ts";
import { TAKEOVER_PROBES } from "./takeover-probes.ts";

const arena = await Arena.open();
await arena.face({ ...TAKEOVER_PROBES, ...FILE_PROBES });
await arena.face(EGRESS_PROBES);
await arena.refuses(HOSTILE_UPLOADS);
arena.leavesNothing();
