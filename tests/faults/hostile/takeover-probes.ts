/** Code that wants more than its function: the process around it, other processes, whatever the platform knows. */
import { ANYTHING_DOCUMENTED, allRefused, type Probes, type Seen } from "./probe.ts";

const keysOf = (seen: Seen): string[] => Object.keys(seen as object).sort();
const OWN_VARIABLES = ["TMPDIR"];

export const TAKEOVER_PROBES: Probes = {
  "reads its environment": {
    code: "return process.env;",
    told: ["answer"],
    holds: (seen) => keysOf(seen).join() === OWN_VARIABLES.join(),
  },
  "reads its arguments": {
    code: "return [process.argv, process.execArgv, process.title, process.execPath];",
    told: ["answer"],
  },
  "reads what the kernel says of processes": {
    code: `const names = ["environ", "cmdline", "maps", "mem", "status", "root/etc/shadow", "cwd", "fd/3", "task"];
      const paths = ["self", "thread-self", "1", ...world.pids].flatMap((pid) => names.map((name) => "/proc/" + pid + "/" + name));
      return each([...paths, "/proc", "/proc/kcore", "/dev/fd/3", "/dev/mem"], (path) =>
        fs.statSync(path).isDirectory() ? fs.readdirSync(path) : fs.readFileSync(path));`,
    told: ["answer"],
    holds: allRefused,
  },
  "opens the memory of its process to write": {
    code: `return each(["/proc/self/mem", "/proc/self/oom_score_adj", "/proc/self/autogroup", "/proc/self/uid_map"], (path) => fs.openSync(path, "r+"));`,
    told: ["answer"],
    holds: allRefused,
  },
  "reads the environment out of a diagnostic report": {
    code: "return process.report.getReport();",
    told: ["answer"],
    holds: (seen) => /^(PWD)?$/.test(keysOf((seen as { environmentVariables: Seen }).environmentVariables).join()),
  },
  "has reports, snapshots, profiles and caches written elsewhere": {
    code: `return all({
        report: () => process.report.writeReport(world.openFolder + "/report"),
        folder: () => { process.report.directory = world.openFolder; return process.report.writeReport(); },
        snapshot: () => v8.writeHeapSnapshot(world.openFolder + "/heap"),
        cache: () => { module.enableCompileCache(world.openFolder); module.flushCompileCache(); return module.getCompileCacheDir(); },
        coverage: () => { process.env.NODE_V8_COVERAGE = world.openFolder; return v8.takeCoverage(); },
        trace: async () => (await import("node:trace_events")).createTracing({ categories: ["node"] }).enable(),
      });`,
    told: ["answer"],
  },
  "runs code in the main thread with an inspector": {
    code: `const { Session, open } = process.getBuiltinModule("node:inspector");
      return all({
        open: () => open(0),
        connect: () => new Session().connect(),
        main: () => new Session().connectToMainThread(),
      });`,
    told: ["answer"],
    holds: allRefused,
  },
  "asks for an inspector by signal": {
    code: `const asked = await all({
        debug: () => process._debugProcess(process.pid),
        signal: () => process.kill(process.pid, "SIGUSR1"),
      });
      await pause(300);
      return each([9229, 9230], (port) => new Promise((resolve, reject) =>
        net.connect(port, "127.0.0.1", resolve).on("error", reject)));`,
    told: ["answer", "instance_lost"],
    holds: allRefused,
  },
  "starts processes": {
    code: `const cluster = await import("node:cluster");
      return all({
        exec: () => childProcess.execSync("id"),
        spawn: () => childProcess.spawnSync(process.execPath, ["--version"]).error?.code ?? "ran",
        fork: () => childProcess.fork("/code/x.mjs"),
        shell: () => childProcess.spawn("sh", ["-c", "touch " + world.openFolder + "/shell"]),
        cluster: () => cluster.default.fork(),
        execve: () => process.execve("/bin/sh", ["sh", "-c", "id"]),
        binding: () => new (process.binding("process_wrap").Process)().spawn({ file: "/bin/sh", args: ["sh"] }),
        sync: () => process.binding("spawn_sync").spawn({ file: "/bin/sh", args: ["sh"], stdio: [] }).error,
      });`,
    told: ["answer"],
    holds: (seen) => Object.values(seen as object).every((one) => /^refused: |^E[A-Z]+|^ERR_/.test(String(one))),
  },
  "is a fork bomb": {
    code: `let refused = 0;
      for (let count = 0; count < 2_000; count++) try { childProcess.spawn(process.execPath, ["-e", ""]).on("error", () => refused++); } catch { refused++; }
      await pause(200);
      return refused;`,
    told: ["answer"],
    holds: (seen) => seen === 2_000,
  },
  "reaches for the internals of Node": {
    code: `const names = ["fs", "os", "spawn_sync", "process_wrap", "tcp_wrap", "pipe_wrap", "tty_wrap", "contextify"];
      return {
        ...await each(names, (name) => process.binding(name)),
        linked: await attempt(() => process._linkedBinding("fs")),
        required: await attempt(() => module.createRequire("/")("internal/bootstrap/realm")),
        builtin: await attempt(() => { throw process.getBuiltinModule("internal/bootstrap/realm") ?? { code: "none" }; }),
      };`,
    told: ["answer"],
    holds: allRefused,
  },
  "loads native code": {
    code: `const addon = temporary + "/a.node";
      fs.writeFileSync(addon, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]));
      return all({
        dlopen: () => process.dlopen({ exports: {} }, addon),
        require: () => module.createRequire("/")(addon),
        engine: () => crypto.setEngine(addon),
        ffi: () => { throw process.getBuiltinModule("node:ffi")?.dlopen(null) ?? { code: "none" }; },
        wasi: () => new (process.getBuiltinModule("node:wasi").WASI)({ version: "preview1", preopens: { "/": "/" } }),
      });`,
    told: ["answer"],
    holds: allRefused,
  },
  "attaches a database that it may not open": {
    code: `return attempt(() => {
        const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
        const database = new DatabaseSync(":memory:");
        database.exec("attach '" + world.openFolder + "/attached' as a; create table a.t (x); insert into a.t values (1)");
      });`,
    told: ["answer"],
    holds: allRefused,
  },
  "starts threads without restrictions": {
    code: `const code = "require('node:fs').readFileSync('/etc/passwd')";
      return all({
        empty: () => new workers.Worker(code, { eval: true, execArgv: [] }),
        shared: () => new workers.Worker(code, { eval: true, execArgv: [], env: workers.SHARE_ENV }),
        data: () => new workers.Worker(new URL("data:text/javascript," + code)),
        hooks: () => module.register("data:text/javascript," + encodeURIComponent("import 'node:fs';")),
      });`,
    told: ["answer"],
    holds: allRefused,
  },
  "loads files of the machine as code, data or source maps": {
    code: `const require = module.createRequire("/");
      const mapped = () => {
        const thrown = (0, eval)("(() => { throw new Error('mapped'); })//# sourceURL=/mapped.js\\n//# sourceMappingURL=file://" + world.openFile);
        try { thrown(); } catch (error) { throw { code: error.stack }; }
      };
      return all({
        json: () => import(world.openFile, { with: { type: "json" } }),
        require: () => JSON.stringify(require(world.openFile)),
        environment: () => process.loadEnvFile(world.openFile),
        package: () => JSON.stringify(module.findPackageJSON("file://" + world.openFile)),
        blob: async () => (await fs.openAsBlob(world.openFile)).text(),
        watch: () => fs.watch(world.openFolder),
        mapped,
      });`,
    told: ["answer"],
  },
  "listens to the threads and channels of others": {
    code: `const channel = new BroadcastChannel("x");
      const heard = [];
      channel.onmessage = ({ data }) => heard.push(data);
      channel.postMessage(world.mark);
      const post = await attempt(() => workers.postMessageToThread(0, { run: "code" }, 200));
      await pause(500);
      const { held, pending } = await navigator.locks.query();
      channel.close();
      return { post, heard: heard.length, locks: held.length + pending.length, shared: String(workers.getEnvironmentData("x")) };`,
    told: ["answer"],
    holds: (seen) => /^\{"post":"refused: .*,"heard":0,"locks":0,"shared":"undefined"\}$/.test(JSON.stringify(seen)),
  },
  "changes the priority of others, and raises its own": {
    code: `return all({
        supervisor: () => os.setPriority(world.runnerPid, 19),
        own: () => os.setPriority(process.pid, -20),
      });`,
    told: ["answer"],
    minimumTier: "reduced",
    holds: allRefused,
  },
  "changes the user, the root or the folder of its process": {
    code: `return all({
        user: () => process.setuid(0),
        groups: () => process.setgroups([0]),
        folder: () => process.chdir("/"),
        mask: () => process.umask(0),
        limits: () => process.setrlimit("nofile", {}),
      });`,
    told: ["answer"],
    holds: allRefused,
  },
  "signals other processes": {
    code: `const pids = [...world.pids, process.ppid].filter((pid) => pid > 1);
      const targets = pids.flatMap((pid) => [pid, -pid]);
      return {
        ...await each(targets, (pid) => process.kill(pid, "SIGSTOP")),
        killed: await each(targets, (pid) => process.kill(pid, "SIGKILL")),
      };`,
    told: ["answer"],
    minimumTier: "reduced",
    holds: allRefused,
  },
  "signals everybody it can": {
    code: `await attempt(() => process.kill(-1, "SIGKILL")); await pause(200); return "alive";`,
    told: ["answer", "instance_lost"],
    minimumTier: "reduced",
  },
  "kills its group of processes": {
    code: `process.kill(0, "SIGKILL"); await pause(1_000); return "alive";`,
    told: ["answer", "instance_lost"],
    minimumTier: "reduced",
  },
  "reads the folders of others": {
    code: `const folders = [world.cells, ...Array.from({ length: 40 }, (_, at) => world.cells + "/" + at)];
      const below = ["", "/code", "/tmp", "/tmp/notes"];
      const paths = [world.stateFile, world.secretsFolder, "/etc/shadow", "/root", "/home", "/var/lib"];
      const own = (path) => import.meta.dirname.startsWith(path + "/code") || temporary.startsWith(path + "/tmp") || path.startsWith(process.env.TMPDIR) || path === import.meta.dirname;
      return each([...folders.flatMap((folder) => below.map((name) => folder + name)), ...paths].filter((path) => !own(path)), (path) =>
        fs.statSync(path).isDirectory() ? fs.readdirSync(path) : fs.readFileSync(path));`,
    told: ["answer"],
    holds: allRefused,
  },
  "takes an unlimited stack and natives of V8": {
    code: `v8.setFlagsFromString("--allow-natives-syntax");
      v8.setFlagsFromString("--stack-size=900000");
      const deep = () => deep() + 1;
      return attempt(() => { new Function("%DebugTrace()")(); return deep(); });`,
    told: ANYTHING_DOCUMENTED,
  },
};
