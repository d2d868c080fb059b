import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isLoopback, isPublic, readAddress } from "./addresses.ts";

const publicity = (text: string) => {
  const address = readAddress(text);
  return address && isPublic(address);
};

test("addresses on the internet are public", () => {
  for (const text of ["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"]) {
    assert.equal(publicity(text), true, text);
  }
  const more = ["128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255"];
  for (const text of [...more, "192.169.0.0", "223.255.255.255", "2606:4700:4700::1111", "::ffff:1.1.1.1"]) {
    assert.equal(publicity(text), true, text);
  }
});

test("private, loopback, link-local, metadata, shared and multicast addresses are not", () => {
  const v4 = ["0.0.0.0", "0.255.255.255", "10.0.0.1", "10.255.255.255", "100.64.0.1", "127.0.0.1", "127.255.255.255"];
  const more = ["169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.168.1.1", "198.18.0.1"];
  for (const text of [...v4, ...more, "198.19.255.255", "224.0.0.1", "240.0.0.1", "255.255.255.255"]) {
    assert.equal(publicity(text), false, text);
  }
  const v6 = ["::", "::1", "fc00::1", "fd00:ec2::254", "fe80::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::1"];
  for (const text of [...v6, "2002:7f00:1::", "2001:0:1::1", "::127.0.0.1", "::7f00:1", "100::1", "4000::1"]) {
    assert.equal(publicity(text), false, text);
  }
});

test("an IPv4 address in the clothes of IPv6 is judged by what it is", () => {
  for (const text of ["::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:ffff:7f00:0001", "::FFFF:127.0.0.1"]) {
    assert.deepEqual(readAddress(text), { address: "127.0.0.1", family: 4 }, text);
  }
  assert.deepEqual(readAddress("::ffff:0:0"), { address: "0.0.0.0", family: 4 });
  fc.assert(
    fc.property(fc.ipV4(), (ip) => {
      const [a, b, c, d] = ip.split(".").map(Number) as [number, number, number, number];
      const hex = `::ffff:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      assert.deepEqual(readAddress(hex), { address: ip, family: 4 });
      assert.deepEqual(readAddress(`::ffff:${ip}`), { address: ip, family: 4 });
    }),
  );
});

test("what is no address is none, and no text makes the reading throw", () => {
  for (const text of ["", "fe80::1%lo", "1.2.3", "256.1.1.1", "[::1]", "0x7f.0.0.1", "example.com"]) {
    assert.equal(readAddress(text), undefined, text);
  }
  fc.assert(fc.property(fc.oneof(fc.string(), fc.ipV6()), (text) => void publicity(text)));
});

test("loopback is all of 127.0.0.0/8 and ::1", () => {
  for (const text of ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]) {
    assert.equal(isLoopback(readAddress(text)!), true, text);
  }
  for (const text of ["126.0.0.1", "128.0.0.1", "::2", "0.0.0.0"])
    assert.equal(isLoopback(readAddress(text)!), false, text);
});
