/** Why something could not be opened. It never carries plaintext, key material or the sealed bytes. */
export type SealingFailure =
  /** Not bytes that this library wrote: too short, or of an unknown format. */
  | "malformed"
  /** Sealed with a version of the master key that this keyring does not hold. */
  | "unknown_key_version"
  /** Another key, another context, or changed bytes: authenticated encryption does not tell which. */
  | "unopenable"
  /** A key file or a PEM that holds no usable key. */
  | "bad_key";

export class SealingError extends Error {
  readonly failure: SealingFailure;

  constructor(failure: SealingFailure, message: string) {
    super(message);
    this.name = "SealingError";
    this.failure = failure;
  }
}
