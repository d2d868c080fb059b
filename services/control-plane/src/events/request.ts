import type { RequestEvent } from "@millrace/proto/invocation/v1/invocation";
import type { EventPlace } from "./event.ts";

/** One request, as its gateway told of it. */
export interface Request {
  at: Date;
  /** As the bus vouches for it. */
  gateway: string;
  project: string;
  requestId: string;
  event: RequestEvent;
}

export interface StoredRequest extends Request, EventPlace {}

export interface RequestFilter {
  project: string;
  requestId?: string | undefined;
  function?: string | undefined;
  api?: string | undefined;
  keyId?: string | undefined;
  /** 100 to 599, or a class of them: 1 to 5. */
  status?: number | undefined;
  reason?: string | undefined;
  pathContains?: string | undefined;
  /** From this instant on. */
  after?: Date | undefined;
  /** Up to and without this instant. */
  before?: Date | undefined;
}
