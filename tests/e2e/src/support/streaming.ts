/** A request whose body is written piece by piece while its response is read piece by piece. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { splitUrl } from "./http.ts";

const TIMEOUT_MS = 10_000;

export class Duplex {
  readonly #request: ClientRequest;
  readonly #response: Promise<IncomingMessage>;
  #chunks: AsyncIterator<Buffer> | undefined;

  constructor(url: string, method = "POST") {
    const { hostname, port, target } = splitUrl(url);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    this.#response = promise;
    this.#request = httpRequest({ hostname, port, path: target, method, agent: false }, resolve);
    this.#request.setTimeout(TIMEOUT_MS, () => this.#request.destroy(new Error(`${url} is silent`)));
    this.#request.on("error", reject);
    this.#request.flushHeaders();
  }

  write(text: string): void {
    this.#request.write(text);
  }

  end(): void {
    this.#request.end();
  }

  /** Gives up, as a caller that closes its connection. */
  abandon(): void {
    this.#request.on("error", () => {});
    this.#response.catch(() => {});
    this.#request.destroy();
  }

  get head(): Promise<IncomingMessage> {
    return this.#response;
  }

  /** The next piece of the response, or undefined at its end. */
  async read(): Promise<string | undefined> {
    this.#chunks ??= (await this.#response)[Symbol.asyncIterator]();
    const { done, value } = await this.#chunks.next();
    return done === true ? undefined : value.toString();
  }
}
