/** Code that plays with paths, links and files, and code that fills whatever can be filled. */
import { allRefused, type Probes, type Seen } from "./probe.ts";

/** The disk gives no more, or the sandbox was ended for it. */
const isFull = (seen: Seen): boolean =>
  /^refused: (ENOSPC|EDQUOT|EFBIG|EMFILE|ENFILE|EINVAL|ENAMETOOLONG)/.test(String(seen));

export const FILE_PROBES: Probes = {
  "makes links to files outside": {
    code: `return all({
        symbolic: () => { fs.symlinkSync(world.openFile, temporary + "/s"); fs.writeFileSync(temporary + "/s", "x"); },
        relative: () => { fs.symlinkSync("../../../../../../../../.." + world.openFile, temporary + "/r"); return fs.readFileSync(temporary + "/r"); },
        folder: () => { fs.symlinkSync(world.openFolder, temporary + "/f"); fs.writeFileSync(temporary + "/f/made", "x"); },
        hard: () => { fs.linkSync(world.openFile, temporary + "/h"); fs.writeFileSync(temporary + "/h", "x"); },
        copied: () => fs.cpSync(world.openFolder, temporary + "/c", { recursive: true, dereference: true }),
        moved: () => fs.renameSync(world.openFile, temporary + "/m"),
        own: () => { fs.symlinkSync("/etc/passwd", import.meta.dirname + "/p"); },
      });`,
    told: ["answer"],
    holds: allRefused,
  },
  "spells paths in every way": {
    code: `const { openFile: path } = world;
      const spellings = {
        plain: path, buffer: Buffer.from(path), url: new URL("file://" + path), dots: temporary + "/../../../../../../../.." + path,
        slashes: "//" + path, twice: temporary + "/" + path, percent: new URL("file://" + path.replaceAll("/", "/%2e/")),
        long: temporary + "/..".repeat(40) + path, null: path + "\\0.mjs",
      };
      return all(Object.fromEntries(Object.entries(spellings).flatMap(([name, spelling]) => [
        [name + " read", () => fs.readFileSync(spelling)],
        [name + " promised", () => fs.promises.readFile(spelling)],
        [name + " streamed", () => new Promise((resolve, reject) => fs.createReadStream(spelling).on("error", reject).on("data", resolve))],
        [name + " written", () => fs.writeFileSync(spelling, "x")],
        [name + " appended", () => fs.appendFileSync(spelling, "x")],
        [name + " truncated", () => fs.truncateSync(spelling)],
        [name + " removed", () => fs.rmSync(spelling)],
      ])));`,
    told: ["answer"],
    holds: allRefused,
  },
  "changes files through every other call": {
    code: `const { openFile: path, openFolder: folder } = world;
      return all({
        chmod: () => fs.chmodSync(path, 0), chown: () => fs.chownSync(path, 1, 1), lchown: () => fs.lchownSync(path, 1, 1),
        times: () => fs.utimesSync(path, 1, 1), ltimes: () => fs.lutimesSync(path, 1, 1),
        made: () => fs.mkdirSync(folder + "/made"), temporary: () => fs.mkdtempSync(folder + "/t-"),
        copied: () => fs.copyFileSync(temporary, path), moved: () => fs.renameSync(folder, folder + "-moved"),
        unlinked: () => fs.unlinkSync(path), emptied: () => fs.rmSync(folder, { recursive: true }),
        listed: () => fs.readdirSync(folder, { recursive: true }), opened: () => fs.opendirSync(folder),
        globbed: () => { const found = fs.globSync(folder + "/*"); if (found.length === 0) throw { code: "nothing" }; return found; },
        linked: () => fs.readlinkSync("/proc/self/exe"), native: () => fs.realpathSync.native(folder),
        space: () => fs.statfsSync(folder),
      });`,
    told: ["answer"],
    holds: allRefused,
  },
  "swaps a folder for a link while it is read": {
    code: `fs.mkdirSync(temporary + "/a");
      const seen = new Set();
      for (let round = 0; round < 300; round++) {
        const reading = attempt(() => fs.promises.readFile(temporary + "/a/canary.json"));
        try { fs.renameSync(temporary + "/a", temporary + "/b"); fs.symlinkSync(world.openFolder, temporary + "/a"); } catch {}
        seen.add(await reading);
        fs.rmSync(temporary + "/a", { recursive: true, force: true });
        fs.mkdirSync(temporary + "/a", { recursive: true });
        fs.rmSync(temporary + "/b", { recursive: true, force: true });
      }
      return [...seen];`,
    told: ["answer"],
    holds: allRefused,
  },
  "rewrites its own code": {
    code: `const own = import.meta.dirname;
      return all({
        written: () => fs.writeFileSync(own + "/index.mjs", "evil"), made: () => fs.mkdirSync(own + "/x"),
        removed: () => fs.rmSync(own, { recursive: true }), moved: () => fs.renameSync(own, temporary + "/code"),
        modes: () => fs.chmodSync(own + "/index.mjs", 0o777), open: () => fs.openSync(own + "/index.mjs", "r+"),
      });`,
    told: ["answer"],
    holds: allRefused,
  },
  "replaces its temporary folder": {
    code: `return all({
        removed: () => { fs.rmSync(process.env.TMPDIR, { recursive: true, force: true }); fs.symlinkSync(world.openFolder, process.env.TMPDIR); },
        moved: () => fs.renameSync(process.env.TMPDIR, process.env.TMPDIR + "-moved"),
      });`,
    told: ["answer"],
    holds: allRefused,
  },
  "fills the disk with bytes": {
    code: `const bytes = Buffer.alloc(32 * 2 ** 20, 1);
      for (let at = 0; at < 64; at++) {
        const refusal = await attempt(() => fs.promises.writeFile(temporary + "/" + at, bytes));
        if (refusal !== "done") return refusal;
      }
      await pause(2_000);
      return "filled";`,
    told: ["answer", "instance_lost", "function_out_of_memory"],
    timeoutMs: 10_000,
    holds: isFull,
  },
  "fills the disk with one file": {
    code: `const file = fs.openSync(temporary + "/one", "w");
      const bytes = Buffer.alloc(2 ** 20, 1);
      return attempt(() => { for (let at = 0; at < 4_096; at++) fs.writeSync(file, bytes); });`,
    told: ["answer", "instance_lost", "function_out_of_memory"],
    timeoutMs: 10_000,
    holds: isFull,
  },
  "claims a file without end": {
    code: `fs.writeFileSync(temporary + "/sparse", "");
      return attempt(() => fs.truncateSync(temporary + "/sparse", 2 ** 42));`,
    told: ["answer", "instance_lost"],
    holds: isFull,
  },
  "fills the disk with names": {
    code: `for (let folder = 0; folder < 1_000; folder++) {
        const refusal = await attempt(() => {
          fs.mkdirSync(temporary + "/" + folder);
          for (let at = 0; at < 1_000; at++) fs.writeFileSync(temporary + "/" + folder + "/" + at, "");
        });
        if (refusal !== "done") return refusal;
        await pause(1);
      }
      await pause(2_000);
      return "filled";`,
    told: ["answer", "instance_lost", "function_out_of_memory"],
    timeoutMs: 15_000,
    holds: isFull,
  },
  "keeps deleted files open": {
    code: `const bytes = Buffer.alloc(32 * 2 ** 20, 1);
      const kept = [];
      for (let at = 0; at < 64; at++) {
        const refusal = await attempt(() => {
          kept.push(fs.openSync(temporary + "/deleted", "w"));
          fs.unlinkSync(temporary + "/deleted");
          fs.writeSync(kept.at(-1), bytes);
        });
        if (refusal !== "done") return refusal;
        await pause(10);
      }
      await pause(2_000);
      return "filled";`,
    told: ["answer", "instance_lost", "function_out_of_memory"],
    timeoutMs: 10_000,
    holds: isFull,
  },
  "hides files where no path is short enough": {
    code: `const bytes = Buffer.alloc(32 * 2 ** 20, 1);
      const name = "n".repeat(250);
      for (let at = 0; at < 40; at++) {
        const refusal = await attempt(() => {
          const chain = temporary + "/" + at + ("/" + name).repeat(14);
          fs.mkdirSync(chain, { recursive: true });
          const full = temporary + "/full";
          fs.mkdirSync(full + ("/" + name).repeat(10), { recursive: true });
          fs.writeFileSync(full + ("/" + name).repeat(10) + "/bytes", bytes);
          fs.renameSync(full, chain + "/full");
        });
        if (refusal !== "done") return refusal;
        await pause(50);
      }
      await pause(2_000);
      return "filled";`,
    told: ["answer", "instance_lost", "function_out_of_memory"],
    timeoutMs: 15_000,
    holds: isFull,
  },
};
