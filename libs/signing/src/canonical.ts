/**
 * The canonical request: what a signature covers.
 *
 *     METHOD \n path \n query \n name:value \n … \n \n name;… \n sha256(body)
 *
 * The published signers of one algorithm do not agree on how the path and the query are written, so a request has a
 * few candidates, and a signature over any of them is accepted.
 *
 * Path
 *   encodedAgain  every byte of the path as sent is encoded (%20 → %2520, : → %3A). The AWS SDKs, botocore, npm aws4,
 *                 Postman, the newest curl; for JDCLOUD2 the PHP signer.
 *   respelled     decoded and encoded once (%20 stays, : → %3A, %7e → ~). JD's documents, its Node and PHP v3 signers;
 *                 some releases of curl 8.
 *   asSent        byte for byte. curl 7, AWS signers in S3 style, JD's Go SDK and Java signer.
 * Query
 *   canonical     decoded (`+` is a space), encoded, sorted by key and value, `a` as `a=`: SigV4's and JD's documents.
 *   equalsKept    the same, but `=` inside a value stays: some releases of curl 8.
 *   sortedAsSent  sorted, but not respelled: botocore, JD's Python SDK.
 *   asSent        byte for byte: curl 7 (7.88 measured), JD's Go SDK.
 *
 * Why a signature still opens one request only
 *   A candidate is accepted only if no other request, one that the gateway or a function would treat differently, has it
 *   among its own candidates. Percent-encoding, `+` for a blank in the query and the order of different parameters are
 *   spelling: both sides decode to the same bytes and the same lists.
 *   - respelled and asSent keep %2F apart from `/`, `//` apart from `/`, and a trailing slash; `+` in a path is a plus.
 *     Nothing is collapsed, stripped or resolved: what JD's Java, Go and Node signers or the AWS SDKs do there would
 *     give two paths one signature, so such paths verify only for signers that leave them alone.
 *   - encodedAgain turns /a%20b into what asSent makes of /a%2520b. Where both forms are allowed, a path that holds %25
 *     or a broken escape is therefore accepted in the encodedAgain form alone; then no encodedAgain form of a path with
 *     escapes (it holds %25) equals another form, and that of a path without escapes equals only its own respelling.
 *   - A sorted form is used only if sorting moves no value past another of the same parameter, and only if every
 *     parameter has its `=`: JD's event says `true` for `a` and "" for `a=`. (Coverage `sigv4` waives both.)
 *   - `+` signed as %2B (some releases of curl 8), parameters without a name left out (JDCLOUD3), and values joined or left
 *     unencoded (JD's Go signer) give different requests one form: accepted only where they change nothing.
 *   - Lines cannot run into each other: a target is visible ASCII, header values hold no line break, and the list of
 *     signed names is itself signed.
 *   - Header values are trimmed at both ends, which HTTP does anyway; lines of one name are joined with a comma
 *     (RFC 9110, 5.3). Blanks inside are kept; SigV4 merges them (coverage `sigv4` accepts that too).
 *   - The host may stay unsigned in JD's profiles (JDCLOUD3 excludes it): the scope's service names the deployment, so a
 *     signature for one deployment never opens another, whatever the host says.
 */
import { HeaderIndex, type HeaderPair, headerBlock, headerForms } from "./headers.ts";
import type { PathForm, Profile } from "./profile.ts";
import { type Coverage, canonicalQuery, hiddenByCanonicalQuery, queryForms } from "./query.ts";
import { encode, escapesAreValid, IN_PATH, respell } from "./spelling.ts";

export interface SignableRequest {
  readonly method: string;
  /** As received, or as it will be sent: path, and the query if there is one. */
  readonly target: string;
  readonly headers: readonly HeaderPair[] | HeaderIndex;
  readonly signedHeaders: readonly string[];
  /** Of the real body; or the literal UNSIGNED-PAYLOAD where that is allowed. */
  readonly bodySha256Hex: string;
}

/**
 * The form that the profile's own documents describe, for comparing with other implementations. Throws a RangeError for
 * a target that HTTP cannot carry and for a signed header that is not there. To check a signature use the forms below.
 */
export function canonicalRequest(profile: Profile, request: SignableRequest): string {
  const [path, query] = split(request.target);
  const blanks = profile.algorithm === "AWS4-HMAC-SHA256" ? "merged" : "kept";
  const block = headerBlock(HeaderIndex.of(request.headers), request.signedHeaders, blanks);
  if (!isWireTarget(request.target)) throw new RangeError("the target is not one that HTTP can carry");
  if (block === undefined) throw new RangeError("a signed header is missing or holds a line break");
  return joined(request, PATH_WRITERS[profile.pathForms[0] as PathForm](path), canonicalQuery(query), block);
}

/** Every canonical request that a signer may have signed for this request, without repetition, the likeliest first. */
export function canonicalRequestForms(
  profile: Profile,
  request: SignableRequest,
  coverage: Coverage = "exact",
): string[] {
  if (!isWireTarget(request.target)) return [];
  const [path, query] = split(request.target);
  const blocks = headerForms(HeaderIndex.of(request.headers), request.signedHeaders, coverage);
  const queries = queryForms(query, coverage);
  return blocks.flatMap((block) =>
    pathForms(profile, path).flatMap((writtenPath) =>
      queries.map((writtenQuery) => joined(request, writtenPath, writtenQuery, block)),
    ),
  );
}

/**
 * Why a request that was signed as the documents say may still be refused, one clause each: for the answer to a caller
 * whose signature did not match.
 */
export function uncoveredParts(profile: Profile, request: SignableRequest): string[] {
  const [path, query] = split(request.target);
  const index = HeaderIndex.of(request.headers);
  const parts: string[] = [];
  if (!isWireTarget(request.target)) parts.push("the target holds # or a byte outside visible ASCII");
  if (profile.pathForms.includes("encodedAgain") && path.includes("%25")) parts.push("the path holds %25");
  if (REWRITTEN_BY_SIGNERS.test(path)) parts.push("the path holds // or a dot segment, which many signers rewrite");
  const hidden = hiddenByCanonicalQuery(query);
  if (hidden !== undefined) parts.push(hidden);
  if (headerBlock(index, request.signedHeaders, "kept") !== headerBlock(index, request.signedHeaders, "merged")) {
    parts.push("a signed header holds a run of blanks");
  }
  return parts;
}

const PATH_WRITERS: Record<PathForm, (path: string) => string> = {
  encodedAgain: (path) => encode(path, IN_PATH),
  respelled: (path) => respell(path, IN_PATH, "itself"),
  asSent: (path) => path,
};

/** Where a path could be mistaken for another's second encoding, only the second encoding of itself counts. */
function pathForms(profile: Profile, path: string): string[] {
  const again = profile.pathForms.includes("encodedAgain");
  const onlyAgain = again && (path.includes("%25") || !escapesAreValid(path));
  const allowed = onlyAgain ? (["encodedAgain"] as const) : profile.pathForms;
  return [...new Set(allowed.map((form) => PATH_WRITERS[form](path)))];
}

function joined(request: SignableRequest, path: string, query: string, block: string): string {
  const names = request.signedHeaders.join(";");
  return `${request.method}\n${path}\n${query}\n${block}\n${names}\n${request.bodySha256Hex}`;
}

function split(target: string): [path: string, query: string] {
  const mark = target.indexOf("?");
  return mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark + 1)];
}

/** In origin form, of visible ASCII and without a fragment: what no parser on the way may alter. */
const isWireTarget = (target: string): boolean => target.startsWith("/") && !OUTSIDE_TARGET.test(target);
const REWRITTEN_BY_SIGNERS = /\/\/|\/\.\.?(?:\/|$)/;
const OUTSIDE_TARGET = /[^\x21-\x7e]|#/;
