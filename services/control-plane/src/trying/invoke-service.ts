import { PlatformError } from "@millrace/errors";
import { randomLabel } from "@millrace/names";
import type { TrialRequest, TrialResult } from "@millrace/proto/invocation/v1/invocation";
import { noteCall } from "@millrace/rpc";
import { query, type Sql } from "@millrace/sql";
import { LATEST } from "../apis/api.ts";
import { pickTarget } from "../functions/alias.ts";
import { getAlias } from "../functions/alias-store.ts";
import type { FunctionConfig, FunctionDraft, HandlerShape } from "../functions/function.ts";
import { getFunction } from "../functions/function-store.ts";
import { checkRunnable } from "../functions/version-service.ts";
import { getVersion } from "../functions/version-store.ts";
import { LIMITS } from "../limits.ts";
import { toVersionRecord } from "../projecting/render.ts";
import { Places } from "../requests/places.ts";
import { defaultEvent } from "./event-templates.ts";
import { checkEvent, eventUnfit, type GivenEvent, triedRequest } from "./test-event.ts";
import { getTestEvent } from "./test-event-store.ts";

export interface Trier {
  try(request: TrialRequest): Promise<TrialResult>;
}

export interface InvokeRequest {
  /** Who asks, e.g. `people/abc`. */
  person: string;
  project: string;
  function: string;
  qualifier: string;
  event: { stored: string } | GivenEvent | undefined;
}

export interface Invoked {
  requestId: string;
  /** 0: the draft. */
  version: number;
  memoryLimitMib: number;
  /** The answer is an HTTP response. */
  isResponse: boolean;
  result: TrialResult;
}

/** What is called: the draft, or a version. */
interface Callee {
  draft: FunctionDraft;
  version: number;
  config: FunctionConfig;
  shape: HandlerShape;
}

/** Calls functions for those who write them. */
export class InvokeService {
  readonly #deps: { sql: Sql; trier: Trier; region: string; random: () => number };
  readonly #places = new Places(LIMITS.trials);

  constructor(deps: { sql: Sql; trier: Trier; region: string; random: () => number }) {
    this.#deps = deps;
  }

  /** Only a few run at a time, so that what is tried takes no slots away from what is served. */
  async invoke(request: InvokeRequest): Promise<Invoked> {
    const leave = this.#places.enter(request.person);
    if (!leave) throw busy();
    try {
      return await this.#invoke(request);
    } finally {
      leave();
    }
  }

  async #invoke(request: InvokeRequest): Promise<Invoked> {
    const callee = await query(() => this.#resolve(request));
    const event = (await query(() => this.#eventOf(request, callee.draft.uid))) ?? defaultEvent(callee.shape);
    if (callee.shape === "fetch" && event.kind !== "request") throw eventUnfit(request.function);
    const { draft, version, config } = callee;
    noteCall({ after: version === 0 ? LATEST : `version ${version}` });
    const requestId = `test-${randomLabel(REQUEST_ID_CHARS)}`;
    const result = await this.#deps.trier.try({
      requestId,
      project: request.project,
      region: this.#deps.region,
      ...calleeOf(callee),
      timeoutMs: LIMITS.trialTimeoutMs,
      ...inputOf(event),
    });
    const isResponse = event.kind === "request";
    return {
      requestId,
      version,
      memoryLimitMib: (version === 0 ? draft.config : config).memoryMib,
      isResponse,
      result,
    };
  }

  async #resolve({ project, function: id, qualifier }: InvokeRequest): Promise<Callee> {
    const { sql, random } = this.#deps;
    const draft = await getFunction(sql, project, id);
    if (qualifier === LATEST) {
      checkRunnable(draft);
      return { draft, version: 0, config: draft.config, shape: draft.code!.shape };
    }
    const number = /^\d+$/.test(qualifier)
      ? Number(qualifier)
      : pickTarget((await getAlias(sql, draft.uid, qualifier)).targets, random());
    const { config, code } = await getVersion(sql, draft.uid, number);
    return { draft, version: number, config, shape: code.shape };
  }

  async #eventOf({ event }: InvokeRequest, functionUid: string): Promise<GivenEvent | undefined> {
    if (event && "stored" in event) return getTestEvent(this.#deps.sql, functionUid, event.stored);
    if (event) checkEvent(event, "given.body");
    return event;
  }
}

const REQUEST_ID_CHARS = 20;

/** A draft goes under the negative number of its state: an instance that holds it is used again until it is changed. */
function calleeOf({ draft, version }: Callee): Pick<TrialRequest, "functionKey" | "draft"> {
  const { uid: functionUid, project, id: functionId, config, code } = draft;
  if (version > 0) return { functionKey: `${functionUid}@${version}`, draft: undefined };
  const number = -draft.version;
  return {
    functionKey: `${functionUid}@${number}`,
    draft: toVersionRecord({ functionUid, number, project, functionId, config, code: code! }),
  };
}

function inputOf({ kind, body }: GivenEvent): Pick<TrialRequest, "eventFormat" | "input"> {
  if (kind !== "request") return { eventFormat: kind, input: { $case: "event", value: Buffer.from(body) } };
  const { method, path, pathParameters, headers, body: bytes, eventFormat } = triedRequest(body);
  const call = { method, target: path, pathParameters: { ...pathParameters }, headers: { ...headers }, body: bytes };
  return { eventFormat, input: { $case: "call", value: call } };
}

function busy(): PlatformError {
  return new PlatformError("resource_exhausted", "Too many functions are being tried; wait until one is over.", {
    reason: "invocations_exhausted",
  });
}
