import { type FieldViolation, invalidFields, PlatformError } from "@millrace/errors";
import { checkId, type IdKind, parseName, type ResourceIds, type ResourceKind } from "@millrace/names";
import { onceOf, pageSizeOf, type RpcContext, readPageToken } from "@millrace/rpc";
import { type IdempotentRequest, isRequestId } from "@millrace/sql";

/** Control characters (PostgreSQL refuses NUL) and halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/**
 * Collects every fault of a request, so that one answer names them all:
 *
 *   const check = new RequestCheck();
 *   const { project } = check.name("project", request.parent, "parent");
 *   const displayName = check.text("display_name", request.displayName, { min: 1, max: 64 });
 *   check.done();
 *
 * What a check answers may be used only after `done()`.
 */
export class RequestCheck {
  readonly #violations: FieldViolation[] = [];

  /** Takes over the violations of a parser that throws `invalid_argument`. */
  take<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof PlatformError) || error.code !== "invalid_argument") throw error;
      this.#violations.push(...error.violations);
      return undefined as T;
    }
  }

  that(holds: boolean, field: string, description: string): void {
    if (!holds) this.#violations.push({ field, description });
  }

  name<K extends ResourceKind>(kind: K, name: string, field = "name"): ResourceIds<K> {
    return this.take(() => parseName(kind, name, field)) ?? ({} as ResourceIds<K>);
  }

  id(kind: IdKind, id: string, field: string): string {
    return this.take(() => checkId(kind, id, field));
  }

  /** Characters are counted as readers do, by code points. */
  text(field: string, value: string, { min, max }: { min: number; max: number }): string {
    const chars = [...value.slice(0, 2 * max + 1)].length;
    const description = min === 0 ? `must have at most ${max} characters` : `must have ${min} to ${max} characters`;
    this.that(chars >= min && chars <= max, field, description);
    this.that(!UNPRINTABLE.test(value), field, "must not contain control characters");
    return value;
  }

  /** `parts` check the parts of the list's sort key. */
  page(scope: string, request: { pageSize: number; pageToken: string }, parts: readonly SortKeyPart[]): Page {
    const size = this.take(() => pageSizeOf(request.pageSize));
    const after = this.take(() => readPageToken(scope, request.pageToken));
    const fits = after?.length === parts.length && parts.every((isPart, i) => isPart(after[i]!));
    this.that(after === undefined || fits, "page_token", "is not a token that this list has answered");
    return { scope, size, after };
  }

  /** What makes a repeated create answer as the first did. */
  once<Message extends { requestId: string }>(
    context: RpcContext,
    request: Message,
    codec: Parameters<typeof onceOf<Message>>[2],
  ): IdempotentRequest {
    this.that(isRequestId(request.requestId), "request_id", "must be a UUID");
    return onceOf(context, request, codec);
  }

  /** Throws `invalid_argument` request_invalid with everything that failed. */
  done(): void {
    if (this.#violations.length > 0) throw invalidFields(this.#violations);
  }
}

/** Which part of a list is asked for. */
export interface Page {
  scope: string;
  size: number;
  /** The sort key of the last row of the page before. */
  after: readonly string[] | undefined;
}

type SortKeyPart = (text: string) => boolean;

/** Whether a text is a part of a sort key; the database would choke on others. */
export const SORT_KEY = {
  id: (text: string) => /^[A-Za-z0-9_-]{1,64}$/.test(text),
  email: (text: string) => text.length <= 254 && !UNPRINTABLE.test(text),
  instant: (text: string) => Number.isFinite(Date.parse(text)) && new Date(text).toISOString() === text,
} as const;
