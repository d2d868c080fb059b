import type { Frame } from "./batch.ts";
import { FLAG, FRAME, REJECTION, type Rejection } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import type { FrameWriter } from "./frame-writer.ts";

// What the frames carry. The writers trust their input; the readers answer null for a payload that does not hold together.

/** A request as a neutral frame: nothing in it is shaped for a kind of handler. */
export interface Invoke {
  /** What is left of the request's deadline when the frame is sent. */
  remainingMs: number;
  /** How many functions called each other before this one. */
  depth: number;
  /** 1 for the first placement, one more for each that follows. */
  attempt: number;
  requestId: string;
  traceparent: string;
  /** `{function uid}@{version}` */
  functionKey: string;
  /** Constants of the route as JSON (`RouteConstants`), the same bytes for each request of it. */
  route: string;
  method: string;
  /** Path and query as received. */
  target: string;
  /** Values of the path's parameters, flat: name, value; decoded. */
  pathParameters: readonly string[];
  sourceIp: string;
  /** e.g. `HTTP/1.1` */
  protocol: string;
  /** `http` or `https` */
  scheme: string;
  /** Who called: all empty without authentication. */
  identity: Identity;
  /** Flat: name in lower case, value. */
  headers: readonly string[];
  /** The body, or its beginning when the frame's END flag is not set. */
  body: Uint8Array;
}

export interface Identity {
  keyId: string;
  /** Id of the key's project. */
  accountId: string;
  /** `signature` or `subscription-key`; empty without authentication. */
  authType: string;
}

/** What an instance needs to know of the route to build an event. */
export interface RouteConstants {
  apiUid: string;
  apiName: string;
  groupName: string;
  revision: string;
  environment: string;
  region: string;
  ownerPin: string;
  /** The route's path with its parameters, e.g. `/petstore/pets/{petId}`. */
  resource: string;
  /** The first label of the deployment's host. */
  hostLabel: string;
  /** `jd`, `aws-1` or `aws-2` */
  eventFormat: string;
  /** The body is the event itself, as JSON, and what the handler returns is the answer: a function is tried. */
  isEventGiven?: boolean;
}

/** `end`: the body is complete. `flags`: others of an invoke frame. */
export function writeInvoke(writer: FrameWriter, call: number, invoke: Invoke, end: boolean, flags = 0): void {
  writer
    .begin(FRAME.invoke, (end ? FLAG.end : 0) | flags, call)
    .u32(invoke.remainingMs)
    .u8(invoke.depth)
    .u8(invoke.attempt);
  writer.latin1(invoke.requestId).latin1(invoke.traceparent).latin1(invoke.functionKey).utf8(invoke.route);
  writer.latin1(invoke.method).latin1(invoke.target).u16(invoke.pathParameters.length);
  for (const text of invoke.pathParameters) writer.utf8(text);
  writer.latin1(invoke.sourceIp).latin1(invoke.protocol).latin1(invoke.scheme);
  writer.utf8(invoke.identity.keyId).utf8(invoke.identity.accountId).utf8(invoke.identity.authType);
  writer.headers(invoke.headers).raw(invoke.body).end();
}

export function readInvoke(frame: Frame): Invoke | null {
  const reader = new FrameReader(frame.payload);
  const invoke: Invoke = {
    remainingMs: reader.u32(),
    depth: reader.u8(),
    attempt: reader.u8(),
    requestId: reader.latin1(),
    traceparent: reader.latin1(),
    functionKey: reader.latin1(),
    route: reader.utf8(),
    method: reader.latin1(),
    target: reader.latin1(),
    pathParameters: readTexts(reader),
    sourceIp: reader.latin1(),
    protocol: reader.latin1(),
    scheme: reader.latin1(),
    identity: { keyId: reader.utf8(), accountId: reader.utf8(), authType: reader.utf8() },
    headers: reader.headers(),
    body: reader.rest(),
  };
  return reader.ok ? invoke : null;
}

function readTexts(reader: FrameReader): string[] {
  const count = reader.u16();
  const texts: string[] = [];
  while (texts.length < count && reader.ok) texts.push(reader.utf8());
  return texts;
}

/** Reads only what a runner needs to place an invoke frame: it relays the rest unread. */
export function readInvokePlacement(
  frame: Frame,
): { remainingMs: number; depth: number; requestId: string; traceparent: string; functionKey: string } | null {
  const reader = new FrameReader(frame.payload);
  const remainingMs = reader.u32();
  const depth = reader.u8();
  reader.u8();
  const requestId = reader.latin1();
  const traceparent = reader.latin1();
  const functionKey = reader.latin1();
  return reader.ok ? { remainingMs, depth, requestId, traceparent, functionKey } : null;
}

export interface Head {
  status: number;
  /** Flat: name, value. */
  headers: readonly string[];
  body: Uint8Array;
}

export function writeHead(writer: FrameWriter, call: number, head: Head, end: boolean, flags = 0): void {
  writer
    .begin(FRAME.head, end ? flags | FLAG.end : flags, call)
    .u16(head.status)
    .headers(head.headers)
    .raw(head.body)
    .end();
}

export function readHead(frame: Frame): Head | null {
  const reader = new FrameReader(frame.payload);
  const head: Head = { status: reader.u16(), headers: reader.headers(), body: reader.rest() };
  return reader.ok ? head : null;
}

export function writeChunk(writer: FrameWriter, call: number, bytes: Uint8Array, end: boolean): void {
  writer
    .begin(FRAME.chunk, end ? FLAG.end : 0, call)
    .raw(bytes)
    .end();
}

export function writeCredit(writer: FrameWriter, call: number, bytes: number): void {
  writer.begin(FRAME.credit, 0, call).u32(bytes).end();
}

export function readCredit(frame: Frame): number {
  return new FrameReader(frame.payload).u32();
}

export function writeCancel(writer: FrameWriter, call: number, cancellation: number): void {
  writer.begin(FRAME.cancel, 0, call).u8(cancellation).end();
}

/** Whether the call's answer is still to come: one that is not open there is answered `gone`. */
export function writeProbe(writer: FrameWriter, call: number): void {
  writer.begin(FRAME.probe, 0, call).end();
}

/** All that there was to say of the call was said, or it never came. */
export function writeGone(writer: FrameWriter, call: number): void {
  writer.begin(FRAME.gone, 0, call).end();
}

/** `cold`: an instance had to be started for it. */
export function writeAccepted(writer: FrameWriter, call: number, cold: boolean): void {
  writer
    .begin(FRAME.accepted, 0, call)
    .u8(cold ? 1 : 0)
    .end();
}

export function readAccepted(frame: Frame): { cold: boolean } {
  return { cold: new FrameReader(frame.payload).u8() === 1 };
}

export function writeRejected(writer: FrameWriter, call: number, rejection: Rejection): void {
  writer.begin(FRAME.rejected, 0, call).u8(REJECTION[rejection]).end();
}

export function readRejected(frame: Frame): Rejection {
  const code = new FrameReader(frame.payload).u8();
  return (Object.keys(REJECTION) as Rejection[]).find((name) => REJECTION[name] === code) ?? "platform";
}

/** How an accepted call ended without a whole response: a reason of the error table, and words that a caller may read. */
export interface Failure {
  reason: string;
  message: string;
}

export function writeFailed(writer: FrameWriter, call: number, failure: Failure): void {
  writer.begin(FRAME.failed, FLAG.end, call).latin1(failure.reason).utf8(failure.message).end();
}

export function readFailed(frame: Frame): Failure | null {
  const reader = new FrameReader(frame.payload);
  const failure = { reason: reader.latin1(), message: reader.utf8() };
  return reader.ok ? failure : null;
}
