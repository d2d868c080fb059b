import { busUnavailable, SUBJECTS } from "@millrace/bus";
import { PlatformError } from "@millrace/errors";
import { BuildRequest, BuildResponse } from "@millrace/proto/invocation/v1/invocation";
import { errors } from "@nats-io/nats-core";
import { type BusLink, onBus } from "../bus/bus-link.ts";
import { LIMITS } from "../limits.ts";
import { type Build, buildRefused, type Upload } from "./upload.ts";

// Asks one runner to turn an upload into an artifact.

export class BuildBus {
  readonly #link: BusLink;
  /** By the upload's digest: what two send at once is built one after the other, for it has one name in the object store. */
  readonly #building = new Map<string, Promise<unknown>>();

  constructor(link: BusLink) {
    this.#link = link;
  }

  /**
   * Errors: `invalid_argument` code_invalid, archive_refused, upload_too_large; `unavailable` no_runner, build_timeout, bus_unavailable.
   */
  async build(upload: Upload): Promise<Build> {
    const before = this.#building.get(upload.digest);
    const building = Promise.resolve(before?.catch(() => {})).then(() => this.#build(upload));
    this.#building.set(upload.digest, building);
    try {
      return await building;
    } finally {
      if (this.#building.get(upload.digest) === building) this.#building.delete(upload.digest);
    }
  }

  async #build(upload: Upload): Promise<Build> {
    const { connection, uploads } = this.#link.use();
    const { bytes, digest: uploadDigest, filename, entry, handler } = upload;
    await onBus(() => uploads.putBlob({ name: uploadDigest }, bytes));
    const request = BuildRequest.encode({ uploadDigest, filename, entry, handler }).finish();
    try {
      const answer = await connection.request(SUBJECTS.build, request, { timeout: LIMITS.buildTimeoutMs });
      return buildOf(BuildResponse.decode(answer.data));
    } catch (error) {
      throw error instanceof PlatformError ? error : buildUnanswered(error);
    } finally {
      // What stays is deleted by its age.
      await uploads.delete(uploadDigest).catch(() => {});
    }
  }
}

function buildOf({ outcome }: BuildResponse): Build {
  if (outcome?.$case === "artifact") {
    const { digest, sizeBytes, shape, exports } = outcome.value;
    if (/^[0-9a-f]{64}$/.test(digest) && (shape === "handler" || shape === "fetch")) {
      return { digest, sizeBytes, shape, exports };
    }
  }
  if (outcome?.$case === "fault") throw buildRefused(outcome.value.reason, outcome.value.findings);
  throw new PlatformError("internal", "Something went wrong on our side.", {
    reason: "internal",
    internal: "a builder's answer cannot be read",
  });
}

function buildUnanswered(error: unknown): PlatformError {
  if (error instanceof errors.RequestError && error.isNoResponders()) {
    return new PlatformError("unavailable", "There is no function-runner that could build the code.", {
      reason: "no_runner",
      cause: error,
    });
  }
  if (error instanceof errors.TimeoutError) {
    return new PlatformError("unavailable", "The build took too long; try again.", {
      reason: "build_timeout",
      cause: error,
    });
  }
  return busUnavailable(error);
}
