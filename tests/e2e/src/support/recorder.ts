/**
 * Keeps what functions say that they execute, outside of everything that is killed. A function waits for the receipt before it goes on,
 * so that nothing has an effect without being on record.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export class Recorder {
  readonly #server: Server;
  readonly #onExecution: (id: string, where: string) => void;
  readonly #sockets = new Set<Socket>();
  #held: (() => void)[] = [];
  #holdsBelow = 0;

  private constructor(onExecution: (id: string, where: string) => void) {
    this.#onExecution = onExecution;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(onExecution: (id: string, where: string) => void): Promise<Recorder> {
    const recorder = new Recorder(onExecution);
    recorder.#server.listen(0, "127.0.0.1");
    await once(recorder.#server, "listening");
    return recorder;
  }

  /** Where functions must be allowed to connect to. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** JavaScript for a function: `await record(id)`, and `instance`, a name of the instance. */
  get client(): string {
    return `
      import { connect } from "node:net";
      const instance = crypto.randomUUID().slice(0, 8);
      const receipts = [];
      let socket;
      function open() {
        const opened = connect(${(this.#server.address() as AddressInfo).port}, "127.0.0.1");
        return opened.on("data", (bytes) => { for (let left = bytes.length; left > 0; left--) receipts.shift()(); });
      }
      function record(id) {
        socket ??= open();
        return new Promise((resolve) => {
          receipts.push(resolve);
          socket.write(id + " " + instance + "\\n");
        });
      }`;
  }

  /** Gives no receipt until so many executions wait for theirs: then so many are under way at one moment. */
  holdUntil(count: number): void {
    this.#holdsBelow = count;
  }

  /** How many executions wait for their receipt. */
  get held(): number {
    return this.#held.length;
  }

  /** Gives all receipts that are held back, and answers how many there were. */
  letGo(): number {
    const held = this.#held;
    this.#held = [];
    this.#holdsBelow = 0;
    for (const give of held) give();
    return held.length;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    let rest = "";
    this.#sockets.add(socket);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(line, () => socket.write("."));
    });
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
  }

  #take(line: string, give: () => void): void {
    const [id, where] = line.split(" ");
    this.#onExecution(id!, where!);
    if (this.#holdsBelow === 0) give();
    else if (this.#held.push(give) >= this.#holdsBelow) this.letGo();
  }
}
