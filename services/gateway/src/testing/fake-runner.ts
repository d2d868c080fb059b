import { randomUUID } from "node:crypto";
import { connectBus, SUBJECTS } from "@millrace/bus";
import {
  Batcher,
  FLAG,
  FRAME,
  type Frame,
  type Invoke,
  type Rejection,
  readBatchHeader,
  readFrames,
  readInvoke,
  writeAccepted,
  writeChunk,
  writeCredit,
  writeFailed,
  writeGone,
  writeHead,
  writeRejected,
} from "@millrace/frames";
import { Beat } from "@millrace/proto/invocation/v1/invocation";

// Speaks the frame protocol as a runner does, and does with each invocation what the test says.

export type Behaviour = (invocation: FakeInvocation) => void;

/** One invocation at the fake runner, with every frame that it may send. */
class FakeInvocation {
  readonly invoke: Invoke;
  readonly call: number;
  readonly gateway: string;
  readonly #pieces: Buffer[];
  /** The whole body is here. */
  readonly bodyEnd = Promise.withResolvers<Buffer>();
  readonly cancelled = Promise.withResolvers<number>();
  /** Hands credit back for each chunk, as one does that reads on. */
  readsBody = true;
  creditBytes = 0;
  onCredit: (() => void) | null = null;
  readonly #batcher: Batcher;

  constructor(invoke: Invoke, frame: Frame, gateway: string, batcher: Batcher) {
    this.invoke = invoke;
    this.call = frame.call;
    this.gateway = gateway;
    this.#pieces = [Buffer.from(invoke.body)];
    this.#batcher = batcher;
    if (frame.flags & FLAG.end) this.bodyEnd.resolve(this.body);
  }

  /** The body so far. */
  get body(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  accept(): this {
    writeAccepted(this.#batcher.to(this.gateway), this.call, false);
    return this;
  }

  reject(rejection: Rejection): void {
    writeRejected(this.#batcher.to(this.gateway), this.call, rejection);
  }

  head(status: number, headers: readonly string[] = [], body = "", end = false, flags = 0): this {
    writeHead(this.#batcher.to(this.gateway), this.call, { status, headers, body: Buffer.from(body) }, end, flags);
    return this;
  }

  /** Accepts and answers in one go. */
  answer(status: number, headers: readonly string[] = [], body = ""): void {
    this.accept().head(status, headers, body, true);
  }

  chunk(bytes: Uint8Array, end = false): this {
    writeChunk(this.#batcher.to(this.gateway), this.call, bytes, end);
    return this;
  }

  credit(bytes: number): this {
    writeCredit(this.#batcher.to(this.gateway), this.call, bytes);
    return this;
  }

  fail(reason: string, message: string): void {
    writeFailed(this.#batcher.to(this.gateway), this.call, { reason, message });
  }

  receive(frame: Frame): void {
    if (frame.type === FRAME.chunk) {
      this.#pieces.push(frame.payload);
      if (this.readsBody) this.credit(frame.payload.length);
      if (frame.flags & FLAG.end) this.bodyEnd.resolve(this.body);
    } else if (frame.type === FRAME.cancel) this.cancelled.resolve(frame.payload[0]!);
    else if (frame.type === FRAME.credit) {
      this.creditBytes += frame.payload.readUInt32LE(0);
      this.onCredit?.();
    }
  }
}

export interface FakeRunnerOptions {
  url: string;
  seed: string;
  id: string;
  slots?: number;
  warm?: readonly string[];
}

export class FakeRunner {
  readonly id: string;
  /** All that came, in order. */
  readonly invocations: FakeInvocation[] = [];
  behaviour: Behaviour = (invocation) => invocation.answer(200, [], "ok");
  slots: number;
  draining = false;
  /** Says of calls that it is asked for that it has them no more. */
  forgets = false;
  readonly #warm: readonly string[];
  readonly #connection: Awaited<ReturnType<typeof connectBus>>;
  readonly #batcher: Batcher;
  readonly #open = new Map<string, FakeInvocation>();
  readonly #epoch = `${Date.now().toString(36)}-${randomUUID()}`;
  #sequence = 0;
  #beating: NodeJS.Timeout | undefined;

  static async start({ url, seed, id, slots = 16, warm = [] }: FakeRunnerOptions): Promise<FakeRunner> {
    const log = { info() {}, warn() {} };
    const connection = await connectBus({ url, seed, identity: { service: "function-runner", id } }, log);
    const runner = new FakeRunner(connection, id, slots, warm);
    await connection.flush();
    runner.beat();
    return runner;
  }

  private constructor(
    connection: Awaited<ReturnType<typeof connectBus>>,
    id: string,
    slots: number,
    warm: readonly string[],
  ) {
    this.id = id;
    this.slots = slots;
    this.#warm = warm;
    this.#connection = connection;
    this.#batcher = new Batcher("", (gateway, message) => {
      // The dead say nothing.
      if (!connection.isClosed()) connection.publish(SUBJECTS.gateway(gateway, id), message);
    });
    connection.subscribe(SUBJECTS.runner(id), { callback: (_, { data }) => this.#receive(Buffer.from(data)) });
    this.#beating = setInterval(() => this.beat(), 100);
  }

  beat(): void {
    const { id, slots, draining } = this;
    this.#sequence++;
    const fields = { runnerId: id, epoch: this.#epoch, sequence: this.#sequence, slots, draining, full: true };
    this.#connection.publish(
      SUBJECTS.beat(id),
      Beat.encode(Beat.fromPartial({ ...fields, warm: [...this.#warm] })).finish(),
    );
  }

  /** Answers another runner's invocation in our own name. */
  forge({ gateway, call }: FakeInvocation, body: string): void {
    writeHead(this.#batcher.to(gateway), call, { status: 200, headers: [], body: Buffer.from(body) }, true);
    this.#batcher.flush();
  }

  /** Whether it was killed: from then on it does nothing any more. */
  isDead = false;

  /** Ends as a process does that is killed: no word, no more beats. */
  async die(): Promise<void> {
    this.isDead = true;
    clearInterval(this.#beating);
    await this.#connection.close();
  }

  #receive(message: Buffer): void {
    const header = readBatchHeader(message)!;
    readFrames(message, header.framesAt, (frame) => {
      const name = `${header.sender} ${frame.call}`;
      this.#open.get(name)?.receive(frame);
      if (frame.type === FRAME.probe && this.forgets) writeGone(this.#batcher.to(header.sender), frame.call);
      if (frame.type !== FRAME.invoke) return;
      const invocation = new FakeInvocation(readInvoke(frame)!, frame, header.sender, this.#batcher);
      this.#open.set(name, invocation);
      this.invocations.push(invocation);
      this.behaviour(invocation);
    });
  }
}
