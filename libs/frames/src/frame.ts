// The frame protocol between gateways, runners and sandboxes. All numbers are little-endian.
//
//   frame    u32 length of what follows | u8 type | u8 flags | u32 call | payload
//   batch    u8 0x4d | u8 version | u8 length, sender | frame …            (one NATS message, for one peer)
//                                                                        `sender` is the gateway; a runner's name is in the subject
//   stream   frame | frame | …                                             (over an inherited descriptor)
//
// `call` is chosen by whoever sends the invoke frame and is unique among its open calls. A body is the rest of an invoke or head frame
// and the chunks after it; the frame with END is its last. A sender of chunks spends credit, which it starts with
// (INITIAL_CREDIT_BYTES in each direction) and which the receiver hands back as it consumes.
//
//   gateway → runner   invoke · chunk · cancel · credit · probe
//   runner → gateway   accepted | rejected, then head · chunk · credit, or failed; gone
//
// What is on its way when a connection breaks is lost. Whoever finds a body or an answer in the midst of its parts then gives it up; of what
// was to come whole a gateway asks (probe), and hears of calls for which nothing will come any more (gone).
//
// Types from 64 on are private to a runner and its sandboxes. An unknown type is skipped, and a payload may be longer than its reader
// knows, so that versions N and N−1 understand each other.

export const FRAME_VERSION = 1;
export const BATCH_MAGIC = 0x4d;

export const FRAME = {
  invoke: 1,
  chunk: 2,
  cancel: 3,
  credit: 4,
  probe: 5,
  accepted: 16,
  rejected: 17,
  head: 18,
  failed: 19,
  gone: 20,
} as const;

export const FLAG = {
  /** The body is complete with this frame. */
  end: 1,
  /** Of an invoke frame: the call may run twice, so that nobody has to know early that a runner has it. */
  safe: 2,
  /** Of an invoke frame: its gateway finds no slot anywhere, and asks a runner that others fill for its share. */
  knocks: 4,
  /** Of a head frame: the call waited for its instance to load. */
  cold: 8,
} as const;

/** Bytes of a frame before its payload: length, type, flags, call. */
export const FRAME_HEADER_BYTES = 10;
/** The largest frame that is sent or accepted, header included; two of them fit in a NATS message. */
export const FRAME_BYTES_MAX = 480 * 1024;
/** The largest chunk of a body in one frame. */
export const CHUNK_BYTES_MAX = 64 * 1024;
/** What may be sent of a body before the receiver has handed back credit. */
export const INITIAL_CREDIT_BYTES = 256 * 1024;

/** Why a runner did not take an invocation; each is safe to place again. */
export const REJECTION = { busy: 1, draining: 2, unknownFunction: 3, quarantined: 4, platform: 5, atLimit: 6 } as const;
export type Rejection = keyof typeof REJECTION;

/** Why a call is cancelled. */
export const CANCELLATION = { callerGone: 1, deadline: 2 } as const;
