/**
 * Code that changes what the runtime's own code in its thread stands on: prototypes, built-ins, what promises are. The realm is the
 * function's; whatever it does there, it must only do to itself.
 */
import { ANYTHING_DOCUMENTED, type Probe, type Probes } from "./probe.ts";

/** It answers as usual afterwards, and the answer goes through what was changed. */
const changing = (change: string): Probe => ({
  code: `${change} return new Response(JSON.stringify("changed"), { status: 201, headers: { "x-a": "b" } });`,
  told: ANYTHING_DOCUMENTED,
  timeoutMs: 1_000,
});

const answering = (answer: string): Probe => ({
  code: `return ${answer};`,
  told: ANYTHING_DOCUMENTED,
  timeoutMs: 1_000,
});

const throwing = (thrown: string): Probe => ({
  code: `throw ${thrown};`,
  told: ["function_error", "function_response_invalid", "instance_lost", "function_timeout"],
  timeoutMs: 1_000,
});

const EVERY_PROTOTYPE = `[Object, Function, Array, Map, Set, WeakMap, Promise, RegExp, String, Number, Symbol, Date, Error, ArrayBuffer, DataView, Uint8Array, Object.getPrototypeOf(Uint8Array), Buffer, URL, Headers, Request, Response, ReadableStream, AbortController, AbortSignal, EventTarget, net.Socket]`;

export const BRIDGE_PROBES: Probes = {
  "pollutes the prototype of all objects": changing(
    `for (const key of ["status", "headers", "body", "then", "toJSON", "length", "get", "set", "value", "done", "call", "flags", "payload", "type", "fd", "env", "execArgv", "code", "stack"])
       Object.prototype[key] = world.mark;`,
  ),
  "makes setters and getters of all objects throw": changing(
    `for (const key of ["status", "payload", "call", "shape", "reason", "droppedLines"])
       Object.defineProperty(Object.prototype, key, { get() { throw new Error("get"); }, set() { throw new Error("set"); }, configurable: true });`,
  ),
  "freezes all that there is": changing(
    `for (const one of ${EVERY_PROTOTYPE}) Object.freeze(one.prototype); Object.freeze(globalThis);`,
  ),
  "empties all prototypes": changing(
    `for (const { prototype } of ${EVERY_PROTOTYPE}) for (const key of Reflect.ownKeys(prototype)) try { delete prototype[key]; } catch {}`,
  ),
  "replaces Function.prototype.call, apply and bind": changing(
    `for (const name of ["call", "apply", "bind"]) Function.prototype[name] = () => { throw new Error(world.mark); };`,
  ),
  "replaces Reflect, JSON and Symbol.hasInstance": changing(
    `for (const name of ["apply", "get", "ownKeys"]) Reflect[name] = () => ({});
     JSON.parse = JSON.stringify = () => "x".repeat(1e6);
     Object.defineProperty(Function.prototype, Symbol.hasInstance, { value: () => true });`,
  ),
  "replaces how bytes are written": changing(
    `for (const name of ["set", "subarray", "fill", "copy", "writeUInt32LE", "utf8Write", "latin1Write", "slice"]) {
       Buffer.prototype[name] = function () { return this; };
       Object.getPrototypeOf(Uint8Array).prototype[name] = function () { return this; };
     }
     Buffer.from = () => new Uint8Array(1e6); Buffer.concat = Buffer.from; Buffer.allocUnsafe = Buffer.from;`,
  ),
  "makes every length a lie": changing(
    `for (const name of ["length", "byteLength", "byteOffset", "buffer"]) try {
       Object.defineProperty(Object.getPrototypeOf(Uint8Array).prototype, name, { get: () => 2 ** 31 });
     } catch {}
     Object.defineProperty(Buffer.prototype, "length", { get: () => 2 ** 31 });`,
  ),
  "gives arrays, buffers and promises another species": changing(
    `for (const one of [Array, Promise, RegExp, ArrayBuffer, Object.getPrototypeOf(Uint8Array), Map])
       Object.defineProperty(one, Symbol.species, { get: () => function () { throw new Error(world.mark); } });`,
  ),
  "replaces the iterators of arrays and maps": changing(
    `Array.prototype[Symbol.iterator] = function* () { for (;;) yield world.mark; };
     Map.prototype.get = Map.prototype.set = Set.prototype.has = () => world.mark;
     Array.prototype.push = Array.prototype.shift = () => 0;`,
  ),
  "replaces what promises do": changing(
    `Promise.prototype.then = function (resolve) { resolve?.(world.mark); resolve?.(world.mark); return this; };
     Promise.resolve = Promise.allSettled = () => ({ then() {} });`,
  ),
  "replaces timers, ticks and clocks": changing(
    `globalThis.setTimeout = globalThis.setImmediate = process.nextTick = queueMicrotask = () => ({});
     performance.now = () => NaN; Date.now = () => -1; process.hrtime = () => [0, 0];`,
  ),
  "replaces how sockets write": changing(
    `const { write } = net.Socket.prototype;
     net.Socket.prototype.write = function (bytes, ...rest) { write.call(this, bytes, ...rest); return write.call(this, Buffer.from(world.mark), ...rest); };`,
  ),
  "replaces how events are told": changing(
    `const events = process.getBuiltinModule("node:events");
     events.prototype.emit = () => { throw new Error(world.mark); };
     events.prototype.on = function () { return this; };`,
  ),
  "replaces what knows the running call": changing(
    `const { AsyncLocalStorage } = process.getBuiltinModule("node:async_hooks");
     AsyncLocalStorage.prototype.getStore = () => ({ id: 99, ended: false, outputBytes: -Infinity, outputLines: -Infinity });
     for (let line = 0; line < 5_000; line++) console.log(world.mark);`,
  ),
  "replaces how stacks are told": changing(
    `Error.prepareStackTrace = () => { throw new Error(world.mark); };
     Error.stackTraceLimit = Infinity;
     const deep = (left) => { if (left === 0) throw new Error("deep"); deep(left - 1); };
     deep(5_000);`,
  ),
  "takes away the process and the globals": changing(
    "for (const key of Reflect.ownKeys(globalThis)) if (key !== 'Response' && key !== 'JSON') try { delete globalThis[key]; } catch {}",
  ),
  "listens to everything that its process says": changing(
    `for (const name of ["uncaughtException", "unhandledRejection", "exit", "beforeExit", "warning", "message", "worker"]) process.on(name, () => { for (const each of [1, 2]) process.emitWarning(world.mark); });
     workers.parentPort?.on("message", () => {});
     Promise.reject(new Error("nobody"));`,
  ),
  "answers with a thenable that never settles": {
    ...answering("{ headers: 1, then() {} }"),
    told: ["function_timeout"],
  },
  "answers with a thenable that goes on for ever": {
    ...answering(
      "(() => { const again = { headers: 1, then(resolve) { resolve({ headers: 1, then: again.then }); } }; return again; })()",
    ),
    told: ["function_timeout", "instance_lost"],
  },
  "answers with a thenable that settles often": answering(
    "{ headers: 1, then(resolve, reject) { for (let count = 0; count < 1e5; count++) { resolve(new Response('x')); reject(new Error()); } } }",
  ),
  "answers with a proxy that throws at everything": answering(
    "new Proxy({ headers: 1 }, { get(target, key) { if (key === 'headers' || key === 'then') return undefined; throw new Error(String(key)); } })",
  ),
  "answers with an object whose getters count": answering(
    "(() => { let asked = 0; return { get status() { return asked++ === 0 ? 200 : 70_000; }, headers: new Headers(), get body() { return asked++ % 2 ? null : 7; } }; })()",
  ),
  "answers with headers without end": answering(
    "{ status: 200, body: null, headers: { entries() {}, get() {}, has() {}, *[Symbol.iterator]() { for (;;) yield ['x-a', 'b']; } } }",
  ),
  "answers with headers that are no texts": answering(
    "{ status: 200, body: null, headers: { entries() {}, get() {}, has() {}, *[Symbol.iterator]() { yield [{ toLowerCase: () => 'x-a', toString() { throw 1; } }, { length: 2 ** 31 }]; } } }",
  ),
  "answers with getters on a Response": answering(
    "Object.defineProperties(new Response('x'), { status: { get() { throw new Error('status'); } }, headers: { get: () => new Map([['x', 'a\\r\\nb: c']]) }, body: { get: () => ({ getReader: () => ({ read: async () => ({ value: 'text' }) }) }) } })",
  ),
  "answers with a subclass of Response": answering(
    "new (class extends Response { get status() { return '0x200'; } get headers() { return new Headers({ 'content-length': '-1' }); } })('x')",
  ),
  "answers with its request, its context and itself": answering(
    "Object.assign(Object.create(request), { headers: request.headers, status: 200, body: context })",
  ),
  "throws what cannot be shown": throwing(
    "{ get stack() { throw this; }, get message() { throw this; }, get cause() { return this; } }",
  ),
  "throws a proxy": throwing(
    "new Proxy(function () {}, { get() { throw 1; }, getPrototypeOf() { throw 1; }, has() { throw 1; } })",
  ),
  "throws an error with causes without end": throwing(
    "(() => { const make = (depth) => Object.defineProperty(new Error('deep ' + depth), 'cause', { get: () => make(depth + 1) }); return make(0); })()",
  ),
  "throws an error with a stack of 64 MiB": throwing(
    "Object.assign(new Error('x'), { stack: 'x'.repeat(64 * 2 ** 20) })",
  ),
};
