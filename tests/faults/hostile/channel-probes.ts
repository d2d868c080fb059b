/** Code that speaks past the runtime: frames that nobody asked for, and every descriptor that its process has. */
import { ANYTHING_DOCUMENTED, allRefused, type Probe, type Probes } from "./probe.ts";

/** What the runtime knows of its own channel is the function's to find out. */
const FRAMES = `
  const own = [workers.workerData?.channelFd, workers.workerData?.fd].find((fd) => typeof fd === "number") ?? 4;
  const CONTROL = 3;
  const frame = (type, call, payload = Buffer.alloc(0), flags = 1) => {
    const bytes = Buffer.alloc(10 + payload.length);
    bytes.writeUInt32LE(6 + payload.length, 0);
    bytes.writeUInt8(type, 4);
    bytes.writeUInt8(flags, 5);
    bytes.writeUInt32LE(call, 6);
    payload.copy(bytes, 10);
    return bytes;
  };
  const write = (fd, bytes) => { for (let at = 0; at < bytes.length; ) try { at += fs.writeSync(fd, bytes, at); } catch (error) { if (error.code !== "EAGAIN") throw error; } };
  const CALLS = [0, 1, 2, 3, 99, 0xffff_ffff];`;

/** Of gateways, of runners, of sandboxes in both directions, and some that are none. */
const TYPES = [0, 1, 2, 3, 4, 16, 17, 18, 19, ...range(64, 69), ...range(72, 83), 127, 255];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

const PAYLOADS: Readonly<Record<string, string>> = {
  "nothing in it": "Buffer.alloc(0)",
  "noise in it": "crypto.randomBytes(64)",
  "JSON in it": `Buffer.from(JSON.stringify({ shape: "fetch", exports: ["x"], message: world.mark, stack: "", entry: "/etc/passwd" }))`,
};

const toldAnything = (code: string, more: Partial<Probe> = {}): Probe => ({
  prelude: FRAMES,
  code: `${code} await pause(300); return "still here";`,
  told: ANYTHING_DOCUMENTED,
  timeoutMs: 1_500,
  ...more,
});

/** One frame of a type for each call number, on its own channel and on the control channel. */
function forgeries(): Probes {
  return Object.fromEntries(
    TYPES.map((type, at) => {
      const [what, payload] = Object.entries(PAYLOADS)[at % 3]!;
      const channel = at % 2 === 0 ? "own" : "CONTROL";
      const first = channel === "own" ? "its own" : "the control";
      const code = `for (const fd of new Set([${channel}, own, CONTROL])) for (const call of CALLS) {
        write(fd, frame(${type}, call, ${payload}));
        await pause(5);
      }`;
      return [`forges frames of type ${type} with ${what}, on ${first} channel first`, toldAnything(code)];
    }),
  );
}

const GARBAGE: Readonly<Record<string, string>> = {
  noise: "crypto.randomBytes(4_096)",
  "a length of 4 GiB": "Buffer.from([255, 255, 255, 255, 18, 1, 1, 0, 0, 0])",
  "a length of nothing": "Buffer.from([0, 0, 0, 0, 18, 1, 1, 0, 0, 0])",
  "a frame larger than any may be": "frame(18, 1, Buffer.alloc(600 * 1024))",
  "half a frame": "frame(18, 1, Buffer.alloc(4_096)).subarray(0, 100)",
  "a line without end": `Buffer.alloc(8 * 2 ** 20, "a")`,
};

function garbage(): Probes {
  return Object.fromEntries(
    Object.entries(GARBAGE).flatMap(([what, bytes], at) => {
      const fd = at % 2 === 0 ? "own" : "CONTROL";
      return [
        [`writes ${what} to ${fd === "own" ? "its" : "the control"} channel`, toldAnything(`write(${fd}, ${bytes});`)],
      ];
    }),
  );
}

const FLOOD = (fd: string, bytes: string): string =>
  `const flood = Buffer.concat(Array(2_000).fill(${bytes}));
   for (const until = Date.now() + 2_000; Date.now() < until; ) write(${fd}, flood);`;

export const CHANNEL_PROBES: Probes = {
  ...forgeries(),
  ...garbage(),
  "answers for itself, twice": toldAnything(
    "const head = frame(18, 1, Buffer.from([200, 0, 0, 0])); write(own, head); write(own, head);",
  ),
  "fails with a reason of the platform's": toldAnything(
    `write(own, frame(19, 1, Buffer.from("\\u0008\\u0000no_route\\u0000\\u0000")));`,
  ),
  "floods its channel with output": toldAnything(FLOOD("own", "frame(74, 1, Buffer.from([1, 65]))")),
  "floods the control channel": toldAnything(FLOOD("CONTROL", "frame(66, 0)")),
  "says that it has ended, and goes on": toldAnything(
    "for (let call = 0; call < 8; call++) write(CONTROL, frame(67, call, Buffer.from([0])));",
  ),
  "speaks to brokers on every descriptor": toldAnything(
    `const bytes = Buffer.from("PUB " + world.mark + " 4\\r\\nevil\\r\\nSUB > 1\\r\\n*1\\r\\n$8\\r\\nFLUSHALL\\r\\n");
     for (let fd = 3; fd < 256; fd++) try { fs.writeSync(fd, bytes); } catch {}`,
  ),
  "writes zeros to every descriptor, its standard streams included": toldAnything(
    "for (let fd = 0; fd < 256; fd++) try { fs.writeSync(fd, Buffer.alloc(4_096)); } catch {}",
  ),
  "reads every descriptor": {
    code: `const buffer = Buffer.alloc(65_536);
      const seen = [];
      for (let round = 0; round < 20; round++) {
        for (let fd = 0; fd < 256; fd++) try { seen.push(buffer.toString("latin1", 0, fs.readSync(fd, buffer))); } catch {}
        await pause(10);
      }
      return seen.join("");`,
    told: ANYTHING_DOCUMENTED,
    timeoutMs: 1_500,
  },
  "closes every descriptor": toldAnything("for (let fd = 3; fd < 256; fd++) try { fs.closeSync(fd); } catch {}", {
    timeoutMs: 1_000,
  }),
  "puts its own files in the place of the standard streams": toldAnything(
    `for (const fd of [0, 1, 2]) try { fs.closeSync(fd); } catch {}
     for (let count = 0; count < 3; count++) fs.openSync(temporary + "/" + count, "w+");
     console.log("to whom?"); process.emitWarning("a warning");`,
  ),
  "changes what its descriptors are": toldAnything(
    `for (let fd = 0; fd < 256; fd++) for (const change of [() => fs.ftruncateSync(fd), () => fs.fchmodSync(fd, 0), () => fs.fchownSync(fd, 0, 0), () => fs.futimesSync(fd, 0, 0), () => fs.fsyncSync(fd)]) try { change(); } catch {}`,
  ),
  "speaks to its parent as a child of Node does": {
    code: `return all({
        send: () => { if (!process.send) throw { code: "none" }; process.send("hello"); },
        channel: () => { if (!process.channel) throw { code: "none" }; },
      });`,
    told: ["answer"],
    holds: allRefused,
  },
};

/** They take what their sandbox lives on, so that nothing starts in it any more; it is ended for that. */
export const HIJACKING_PROBES: Probes = {
  "listens on the control channel": {
    prelude: FRAMES,
    code: `const heard = [];
      const listening = await attempt(() => { new net.Socket({ fd: CONTROL }).on("data", (bytes) => heard.push(bytes.toString("latin1"))).on("error", () => {}); });
      await pause(500);
      return { listening, heard };`,
    told: ANYTHING_DOCUMENTED,
    timeoutMs: 1_500,
  },
  "takes connections on its channels": {
    prelude: FRAMES,
    code: "return each([CONTROL, own], (fd) => new Promise((resolve, reject) => net.createServer().on('error', reject).listen({ fd }, resolve)));",
    told: ANYTHING_DOCUMENTED,
    timeoutMs: 1_500,
  },
};
