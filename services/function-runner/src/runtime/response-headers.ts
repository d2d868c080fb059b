/** What a function returned is no response. The message is for the provider's log. */
export class ResponseInvalid extends Error {
  override readonly name = "ResponseInvalid";
}

/** Headers of one response in all, as they are written: what a gateway takes, so that the reason is in the provider's log. */
const HEADERS_BYTES_MAX = 15 * 1024;
/** `name: value\r\n` */
const PAIR_BYTES_MORE = 4;
// As node:http has them. To import it brings all that is behind fetch too, which half of an idle instance's memory would be.
const NAME = /^[\^_`a-z\-0-9!#$%&'*+.|~]+$/;
const FORBIDDEN_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const LENGTH = /^\d{1,15}$/;
/** They belong to a connection, not to a response; the gateway makes its own. */
const CONNECTION_HEADERS = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Collects a response's headers, flat, and refuses what HTTP does not allow. */
export class ResponseHeaders {
  readonly flat: string[] = [];
  #bytes = 0;

  add(name: string, value: string): void {
    const lowerName = name.toLowerCase();
    if (CONNECTION_HEADERS.has(lowerName) || (lowerName === "content-length" && !LENGTH.test(value))) return;
    if (!NAME.test(lowerName) || FORBIDDEN_IN_VALUE.test(value)) {
      throw new ResponseInvalid(
        `The response's header ${JSON.stringify(name)} has a name or a value that HTTP forbids.`,
      );
    }
    this.#bytes += lowerName.length + value.length + PAIR_BYTES_MORE;
    if (this.#bytes > HEADERS_BYTES_MAX) {
      throw new ResponseInvalid(`The response's headers are over ${HEADERS_BYTES_MAX} bytes.`);
    }
    this.flat.push(lowerName, value);
  }

  has(name: string): boolean {
    for (let i = 0; i < this.flat.length; i += 2) if (this.flat[i] === name) return true;
    return false;
  }
}

export function checkStatus(status: unknown): number {
  const number = typeof status === "string" ? Number(status) : status;
  if (typeof number === "number" && Number.isInteger(number) && number >= 200 && number <= 599) return number;
  throw new ResponseInvalid(`The response's status must be a whole number from 200 to 599, not ${describe(status)}.`);
}

export function mayHaveBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

export function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" || typeof value === "function")
    return `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
  return typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : String(value);
}
