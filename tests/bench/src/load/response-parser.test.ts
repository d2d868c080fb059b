import assert from "node:assert/strict";
import { test } from "node:test";
import { ResponseParser } from "./response-parser.ts";

const LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED =
  "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n10\r\n0123456789\r\n\r\nef\r\n0\r\nx: y\r\n\r\n";
const EMPTY = "HTTP/1.1 204 No Content\r\n\r\n";
const INFORMED = `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${LENGTH}`;

/** Feeds the text in two pieces and answers the last state. */
function fed(parser: ResponseParser, text: string, cut: number) {
  const first = cut === 0 ? "partial" : parser.feed(Buffer.from(text.slice(0, cut)));
  assert.equal(first, "partial", `after ${cut} bytes`);
  return parser.feed(Buffer.from(text.slice(cut)));
}

test("a response is whole with its last byte and not before, wherever it was cut", () => {
  for (const [text, status] of [
    [LENGTH, 200],
    [CHUNKED, 503],
    [EMPTY, 204],
    [INFORMED, 200],
  ] as const) {
    for (let cut = 0; cut < text.length; cut++) {
      const parser = new ResponseParser();
      assert.equal(fed(parser, text, cut), "complete", `${text} cut at ${cut}`);
      assert.equal(parser.status, status);
      assert.equal(parser.keepsAlive, true);
    }
  }
});

test("a response that arrives byte by byte is read, and the next on the same connection too", () => {
  const parser = new ResponseParser();
  for (const text of [CHUNKED, LENGTH]) {
    parser.reset();
    const states = [...text].map((byte) => parser.feed(Buffer.from(byte)));
    assert.deepEqual([...new Set(states.slice(0, -1)), states.at(-1)], ["partial", "complete"]);
  }
});

test("a connection that the server closes carries no further request", () => {
  const parser = new ResponseParser();
  assert.equal(
    parser.feed(Buffer.from("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")),
    "complete",
  );
  assert.equal(parser.keepsAlive, false);
});

test("a body without a length ends with the connection; any other end is a cut", () => {
  const open = new ResponseParser();
  assert.equal(open.feed(Buffer.from("HTTP/1.1 200 OK\r\n\r\nsome")), "partial");
  assert.equal(open.end(), "complete");
  const cut = new ResponseParser();
  assert.equal(cut.feed(Buffer.from(LENGTH.slice(0, -1))), "partial");
  assert.equal(cut.end(), "broken");
});

test("what is not a response, and what follows one, is broken", () => {
  for (const text of ["NATS 1\r\n\r\n", `${LENGTH}x`, `${EMPTY}x`, `${CHUNKED}x`, CHUNKED.replace("5;a", "zz")]) {
    assert.equal(new ResponseParser().feed(Buffer.from(text)), "broken", text);
  }
});
