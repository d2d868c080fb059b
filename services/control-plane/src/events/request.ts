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
  /** Empty: requests that no deployment answered. */
  project: string;
  requestId?: string | undefined;
  function?: string | undefined;
  api?: string | undefined;
  keyId?: string | undefined;
  /** 100 to 599, or a class of them: 1 to 5. */
  status?: number | undefined;
  reason?: string | undefined;
  pathContains?: string | undefined;
  functionVersion?: number | undefined;
  runner?: string | undefined;
  cold?: boolean | undefined;
  attemptsMin?: number | undefined;
  durationMsMin?: number | undefined;
  /** In its path, host, referer, user agent or addresses. */
  text?: string | undefined;
  group?: string | undefined;
  environment?: string | undefined;
  method?: string | undefined;
  /** From this instant on. */
  after?: Date | undefined;
  /** Up to and without this instant. */
  before?: Date | undefined;
}

/** Whether a filter asks for something that no index finds. */
export function isSearching(filter: RequestFilter): boolean {
  const { pathContains, functionVersion, runner, cold, attemptsMin, durationMsMin, text, group, environment, method } =
    filter;
  const asked = [
    pathContains,
    functionVersion,
    runner,
    cold,
    attemptsMin,
    durationMsMin,
    text,
    group,
    environment,
    method,
  ];
  return asked.some((member) => member !== undefined);
}
