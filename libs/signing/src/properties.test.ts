/**
 * The claims of canonical.ts, against a model that is too simple to be wrong: two requests are the same when their paths
 * decode to the same bytes, segment by segment, and their queries to the same lists of values.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  canonicalRequestForms,
  deriveKey,
  formatAuthorization,
  type HeaderPair,
  isFailure,
  PROFILES,
  type Profile,
  readSignature,
  sha256Hex,
  sign,
  verify,
} from "./mod.ts";
import { canonicalQuery } from "./query.ts";
import { encode, IN_PATH, IN_QUERY, respell } from "./spelling.ts";

const profiles = fc.constantFrom<Profile>(...Object.values(PROFILES));
/** Few letters, and all those that signers and parsers disagree about. */
const tricky = fc.string({ unit: fc.constantFrom(..."%%%%2257EeFfAa/=&&+:~-.b01zZ;,!*()'@".split("")), maxLength: 14 });
const pathText = tricky.map((text) => `/${text.replaceAll("&", "").replaceAll("?", "")}`);
const targets = fc.oneof(
  fc.tuple(pathText, tricky).map(([path, query]) => `${path}?${query}`),
  pathText,
  fc.webPath(),
  fc.tuple(pathText, fc.webQueryParameters()).map(([path, query]) => `${path}?${query}`),
);
const visible = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) });
const headerName = fc.stringMatching(/^x-[a-z0-9]{1,8}$/);
const headerValue = fc.string({ unit: fc.constantFrom(...'ab,\t  é"'.split("")), maxLength: 8 });

interface Sample {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly HeaderPair[];
  readonly body: string;
}

const samples: fc.Arbitrary<Sample> = fc.record({
  method: fc.constantFrom("GET", "POST", "DELETE"),
  target: targets.filter((target) => !target.includes("#")),
  headers: fc.array(fc.tuple(headerName, headerValue), { maxLength: 4 }),
  body: fc.string({ maxLength: 20 }),
});

const NOW = Date.UTC(2026, 2, 1, 12);
const SCOPE = { date: "20260301", region: "local-1", service: "abc123def456-test" };
const SECRET = "secret";

/** Signs with this library; the target is taken as it is, without a URL parser in between. */
function signed(profile: Profile, sample: Sample): HeaderPair[] {
  const added = sign(profile, {
    ...sample,
    url: `http://abc123def456-test.local-1.localhost${sample.target}`,
    keyId: "KEY",
    secret: SECRET,
    ...SCOPE,
    now: new Date(NOW),
    nonce: "nonce-1",
  });
  return [["Host", "abc123def456-test.local-1.localhost"], ...sample.headers, ...Object.entries(added)];
}

function accepted(sample: Omit<Sample, "headers">, headers: readonly HeaderPair[]): boolean {
  const presented = readSignature(headers);
  if (isFailure(presented)) return false;
  const { credential, timestamp, declaredBody } = presented;
  const bodySha256Hex = sha256Hex(sample.body);
  if (declaredBody.kind === "sha256" && declaredBody.sha256Hex !== bodySha256Hex) return false;
  const derivedKey = deriveKey(credential.profile, SECRET, SCOPE);
  return verify({ credential, timestamp, derivedKey, request: { ...sample, headers, bodySha256Hex } });
}

const decoded = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

const formDecoded = (text: string): string => decoded(text.replaceAll("+", " "));

/** What a gateway makes of a target: a path, and for each parameter the list of its values. */
function meaning(target: string): string {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const values = new Map<string, (string | true)[]>();
  for (const piece of (mark < 0 ? "" : target.slice(mark + 1)).split("&")) {
    if (piece === "") continue;
    const equals = piece.indexOf("=");
    const key = formDecoded(equals < 0 ? piece : piece.slice(0, equals));
    values.set(key, [...(values.get(key) ?? []), equals < 0 ? true : formDecoded(piece.slice(equals + 1))]);
  }
  return JSON.stringify([path.split("/").map(decoded), [...values].sort(([a], [b]) => (a < b ? -1 : 1))]);
}

const formsOf = (profile: Profile, target: string): string[] =>
  canonicalRequestForms(profile, { method: "GET", target, headers: [], signedHeaders: [], bodySha256Hex: "0" });

const changed = (text: string, at: number, to: string): string => {
  const place = at % Math.max(text.length, 1);
  return text.slice(0, place) + to + text.slice(place + 1);
};

describe("the canonical request", () => {
  test("two targets that mean different things share no form", () => {
    const edits = fc.array(
      fc.tuple(fc.nat(), fc.constantFrom("%25", "%2F", "%20", "+", "/", "", "=", "&", "a", "%61", "25", "%")),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(profiles, targets, edits, fc.boolean(), (profile, one, changes, useForm) => {
        // The form itself, sent as a target, is what an attacker would try first.
        const [, path, query] = (formsOf(profile, one)[0] ?? "\n/\n").split("\n");
        const start = useForm ? `${path}?${query}` : one;
        const other = changes.reduce((text, [at, to]) => changed(text, at, to), start);
        for (const target of useForm ? [start, other] : [other]) {
          const shared = formsOf(profile, one).some((form) => formsOf(profile, target).includes(form));
          if (shared) assert.equal(meaning(target), meaning(one), `${one} and ${target} share a form`);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  test("respelling and sorting twice is the same as once", () => {
    fc.assert(
      fc.property(tricky, (text) => {
        const path = respell(text, IN_PATH, "itself");
        assert.equal(respell(path, IN_PATH, "itself"), path);
        assert.equal(canonicalQuery(canonicalQuery(text)), canonicalQuery(text));
        assert.equal(respell(encode(text, IN_QUERY), IN_QUERY, "space"), encode(text, IN_QUERY));
      }),
    );
  });

  test("encoding again can be undone, so it loses nothing", () => {
    fc.assert(
      fc.property(visible, (text) => {
        assert.equal(decodeURIComponent(encode(text, IN_PATH)), text);
      }),
    );
  });

  test("a target that HTTP cannot carry has no form", () => {
    for (const target of ["", "pets", "*", "http://a/b", "/a b", "/a\n", "/é", "/a#b", "/\u0000"]) {
      for (const profile of Object.values(PROFILES)) assert.deepEqual(formsOf(profile, target), [], target);
    }
  });
});

describe("a signature", () => {
  test("is accepted for the request that was signed", () => {
    fc.assert(
      fc.property(profiles, samples, (profile, sample) => {
        const url = new URL(`http://h${sample.target}`);
        const sent = { ...sample, target: url.pathname + url.search };
        assert.equal(accepted(sent, signed(profile, sent)), true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("breaks when any byte of the method, the target, the body or a signed header changes", () => {
    const part = fc.constantFrom("method", "target", "body", "value", "date", "nonce");
    const byte = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(profiles, samples, part, fc.nat(), byte, (profile, sample, what, at, to) => {
        const url = new URL(`http://h${sample.target}`);
        const sent = { ...sample, target: url.pathname + url.search };
        const headers = signed(profile, sent);
        const other = { ...sent };
        let otherHeaders = headers;
        if (what === "method" || what === "body") other[what] = changed(sent[what], at, to);
        else if (what === "target") other.target = changed(sent.target, at, to);
        else {
          const name = what === "value" ? headers[at % (headers.length - 1)]?.[0] : profile.headers[what];
          otherHeaders = headers.map(([n, v]) => (n === name ? [n, changed(v, at, to)] : [n, v]));
        }
        const same =
          other.method === sent.method &&
          other.body === sent.body &&
          meaning(other.target) === meaning(sent.target) &&
          JSON.stringify(otherHeaders) === JSON.stringify(headers);
        if (!same) assert.equal(accepted(other, otherHeaders), false, `${what}: ${sent.target} → ${other.target}`);
      }),
      { numRuns: 5_000 },
    );
  });

  test("breaks for another key, date, region or service", () => {
    fc.assert(
      fc.property(profiles, fc.constantFrom("date", "region", "service", "secret"), (profile, what) => {
        const sample = { method: "GET", target: "/pets", headers: [], body: "" };
        const headers = signed(profile, sample);
        const presented = readSignature(headers);
        assert.ok(!isFailure(presented));
        const scope = { ...SCOPE, ...(what === "secret" ? {} : { [what]: "20260302" }) };
        const derivedKey = deriveKey(profile, what === "secret" ? "other" : SECRET, scope);
        const request = { ...sample, headers, bodySha256Hex: sha256Hex("") };
        assert.equal(verify({ ...presented, derivedKey, request }), false);
      }),
    );
  });

  test("survives being written into an Authorization header and read back", () => {
    fc.assert(
      fc.property(profiles, samples, (profile, sample) => {
        const headers = signed(profile, sample);
        const presented = readSignature(headers);
        assert.ok(!isFailure(presented));
        const sent = headers.find(([name]) => name === "authorization")?.[1];
        assert.equal(formatAuthorization(presented.credential), sent);
      }),
    );
  });
});
