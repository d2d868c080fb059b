import type { OutboundGuard } from "@millrace/outbound";
import { Client, errors } from "undici";
import { LIMITS } from "../limits.ts";
import { type Attempt, type AttemptError, attemptOf } from "./delivery.ts";

export interface Delivery {
  url: string;
  deliveryId: string;
  body: string;
  signature: string;
}

const { deliveryTimeoutMs, answerBytesMax, answerHeadBytesMax } = LIMITS.alarm;
const USER_AGENT = "millrace-alarms/1";

/** Sends deliveries where the guard lets them go, each on a connection of its own, so that each time the address is looked up and checked. */
export class WebhookClient {
  readonly #guard: Pick<OutboundGuard, "connector">;
  readonly #timeoutMs: number;

  constructor(guard: Pick<OutboundGuard, "connector">, timeoutMs: number = deliveryTimeoutMs) {
    this.#guard = guard;
    this.#timeoutMs = timeoutMs;
  }

  /** Never throws. Reads no more of an answer than its status; `stopping` counts as a timeout. */
  async send({ url, deliveryId, body, signature }: Delivery, stopping: AbortSignal): Promise<Attempt> {
    const { origin, pathname, search } = new URL(url);
    const signal = AbortSignal.any([AbortSignal.timeout(this.#timeoutMs), stopping]);
    const client = new Client(origin, { connect: this.#guard.connector(signal), maxHeaderSize: answerHeadBytesMax });
    try {
      const headers = {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "millrace-delivery": deliveryId,
        "millrace-signature": signature,
      };
      const answer = await client.request({ method: "POST", path: pathname + search, headers, body, signal });
      // Its status is all that counts; the rest is let come so that the receiver may end in peace.
      await answer.body.dump({ limit: answerBytesMax, signal }).catch(() => {});
      return attemptOf(answer.statusCode);
    } catch (error) {
      return { status: 0, error: wordOf(error) };
    } finally {
      await client.destroy();
    }
  }
}

const WORDS: Readonly<Record<string, AttemptError>> = {
  EACCES: "address_refused",
  ENOTFOUND: "name_not_found",
  EAI_AGAIN: "name_not_found",
  ETIMEDOUT: "timeout",
  UND_ERR_CONNECT_TIMEOUT: "timeout",
};

function wordOf(error: unknown): AttemptError {
  const { name, code = "" } = error as { name?: string; code?: string };
  if (name === "TimeoutError" || name === "AbortError" || error instanceof errors.RequestAbortedError) return "timeout";
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError) return "answer_invalid";
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) return "tls_failed";
  return WORDS[code] ?? "connection_failed";
}
