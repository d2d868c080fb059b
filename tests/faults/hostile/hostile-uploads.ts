/** Code that means ill before it is a function: while it is bundled, and when it is loaded for the first time. */

export type Uploads = Readonly<
  Record<string, (world: { readonly openFile: string; readonly stateFile: string }) => string>
>;

const FETCH = `export default { fetch: () => new Response("in") };`;

/** Each is refused. */
export const HOSTILE_UPLOADS: Uploads = {
  "imports a file of the machine": ({ openFile }) =>
    `import canary from ${JSON.stringify(openFile)}; export default { fetch: () => Response.json(canary) };`,
  "imports a file of the machine by many dots": ({ openFile }) =>
    `import canary from "${"../".repeat(12)}${openFile.slice(1)}"; export default { fetch: () => Response.json(canary) };`,
  "imports a file of the platform's state as text": ({ stateFile }) =>
    `import canary from ${JSON.stringify(stateFile)} with { type: "text" }; export default { fetch: () => new Response(canary) };`,
  "requires a file of the machine": ({ openFile }) =>
    `module.exports = require(${JSON.stringify(openFile)}); module.exports.fetch = () => new Response("in");`,
  "throws what it has read when it is loaded": ({ openFile }) =>
    `import fs from "node:fs"; throw new Error(fs.readFileSync(${JSON.stringify(openFile)}, "utf8")); ${FETCH}`,
  "kills its process when it is loaded": () =>
    `process.kill(process.pid, "SIGKILL"); await new Promise(() => {}); ${FETCH}`,
  "kills everybody it can when it is loaded": () => `process.kill(0, "SIGKILL"); await new Promise(() => {}); ${FETCH}`,
  "ends its thread when it is loaded": () => `process.exit(0); ${FETCH}`,
  "starts a process when it is loaded": ({ openFile }) =>
    `import { execSync } from "node:child_process"; execSync("echo x >> ${openFile}"); ${FETCH}`,
  "fills its memory when it is loaded": () => `const kept = []; for (;;) kept.push({ kept: [kept.length] }); ${FETCH}`,
  "writes noise to every descriptor when it is loaded": () =>
    `import fs from "node:fs"; for (let fd = 3; fd < 256; fd++) try { fs.writeSync(fd, Buffer.alloc(256, 255)); } catch {} await new Promise(() => {}); ${FETCH}`,
  "says of itself what only the build says": () => {
    const frame = (type: number) => `[...[6 + text.length, 0, 0, 0, ${type}, 1, 0, 0, 0, 0], ...text]`;
    return `import fs from "node:fs"; const text = Buffer.from('{"entry":"/etc/passwd"}');
      for (const fd of [3, 4, 5]) try { fs.writeSync(fd, Buffer.from([...${frame(80)}, ...${frame(81)}])); } catch {}
      await new Promise(() => {}); ${FETCH}`;
  },
  "never ends to load": () => `for (;;); ${FETCH}`,
};
