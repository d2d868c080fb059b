import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkClock,
  formatTimestamp,
  type HeaderPair,
  PROFILES,
  parseTimestamp,
  scopeDateFailure,
  signedDate,
} from "./mod.ts";

const AWS4 = PROFILES["AWS4-HMAC-SHA256"];
const JDCLOUD2 = PROFILES["JDCLOUD2-HMAC-SHA256"];
const INSTANT = Date.UTC(2019, 1, 14, 10, 45, 14);
const READ = { timestamp: "20190214T104514Z", signedAt: INSTANT };

test("a timestamp is read and written back", () => {
  assert.equal(parseTimestamp("20190214T104514Z"), INSTANT);
  assert.equal(formatTimestamp(INSTANT), "20190214T104514Z");
});

test("a timestamp that is no instant is refused", () => {
  const texts = ["20190229T104514Z", "20191301T000000Z", "20190214T240000Z", "20190214T104560Z", "20190214T104514", ""];
  for (const text of [...texts, "2019-02-14T10:45:14Z", "20190214T104514Z ", "20190214t104514z", "99999999T999999Z"]) {
    assert.equal(parseTimestamp(text), undefined, text);
  }
});

test("the profile's own header is read", () => {
  assert.deepEqual(signedDate(JDCLOUD2, [["X-Jdcloud-Date", " 20190214T104514Z "]]), READ);
  assert.deepEqual(signedDate(AWS4, [["X-Amz-Date", "20190214T104514Z"]]), READ);
});

test("AWS4 reads the Date header when its own is absent, and only then", () => {
  const date: HeaderPair = ["Date", "Thu, 14 Feb 2019 10:45:14 GMT"];
  assert.deepEqual(signedDate(AWS4, [date]), READ);
  assert.deepEqual(signedDate(AWS4, [["Date", "20190214T104514Z"]]), READ);
  assert.deepEqual(signedDate(AWS4, [date, ["X-Amz-Date", "20200101T000000Z"]]), {
    timestamp: "20200101T000000Z",
    signedAt: Date.UTC(2020, 0, 1),
  });
});

test("a missing, repeated or malformed date has its own failure", () => {
  const failures = [
    signedDate(JDCLOUD2, [["Date", "Thu, 14 Feb 2019 10:45:14 GMT"]]),
    signedDate(JDCLOUD2, [
      ["x-jdcloud-date", READ.timestamp],
      ["X-JDCloud-Date", READ.timestamp],
    ]),
    signedDate(AWS4, [["Date", "Fri, 14 Feb 2019 10:45:14 GMT"]]),
    signedDate(AWS4, [["X-Amz-Date", ""]]),
  ].map((result) => ("failure" in result ? result.failure : result));
  assert.deepEqual(failures, ["date_missing", "header_repeated", "date_malformed", "date_malformed"]);
});

test("the scope must be of the same day", () => {
  assert.equal(scopeDateFailure("20190214", READ), undefined);
  assert.equal(scopeDateFailure("20190215", READ)?.failure, "date_outside_scope");
});

test("the clock window ends at five minutes on both sides", () => {
  const now = 1_000_000_000;
  assert.deepEqual(checkClock(now + 300_000, now), { ok: true });
  assert.deepEqual(checkClock(now - 300_000, now), { ok: true });
  assert.deepEqual(checkClock(now + 300_001, now), { ok: false, skewMs: 300_001 });
  assert.deepEqual(checkClock(now - 300_001, now), { ok: false, skewMs: -300_001 });
  assert.deepEqual(checkClock(now - 11, now, 10), { ok: false, skewMs: -11 });
});
