import { BUILD_QUEUE_GROUP, digestOf, OBJECT_STORES, openObjects, SUBJECTS } from "@millrace/bus";
import { BuildRequest, BuildResponse } from "@millrace/proto/invocation/v1/invocation";
import type { NatsConnection } from "@nats-io/nats-core";

export interface TestBuilder {
  readonly requests: BuildRequest[];
  /** What the next builds answer; undefined: an artifact made from the upload's bytes. */
  answer: BuildResponse["outcome"];
  stop(): void;
}

/** Answers builds as a runner does; the artifact is the upload's bytes after the word `built`. */
export function startTestBuilder(connection: NatsConnection): TestBuilder {
  const builder: TestBuilder = { requests: [], answer: undefined, stop: () => subscription.unsubscribe() };
  const answerOf = async (request: BuildRequest) => builder.answer ?? (await buildIn(connection, request));
  const subscription = connection.subscribe(SUBJECTS.build, {
    queue: BUILD_QUEUE_GROUP,
    callback: (_error, message) => {
      const request = BuildRequest.decode(message.data);
      builder.requests.push(request);
      void answerOf(request).then((outcome) => message.respond(BuildResponse.encode({ outcome }).finish()));
    },
  });
  return builder;
}

async function buildIn(connection: NatsConnection, request: BuildRequest): Promise<BuildResponse["outcome"]> {
  const uploads = await openObjects(connection, OBJECT_STORES.uploads);
  const builds = await openObjects(connection, OBJECT_STORES.builds);
  const upload = await uploads.getBlob(request.uploadDigest);
  const artifact = Buffer.concat([Buffer.from("built "), upload!]);
  const digest = digestOf(artifact);
  await builds.putBlob({ name: digest }, artifact);
  const exports = [...upload!.toString().matchAll(/export const (\w+)/g)].map(([, name]) => name!);
  const shape = upload!.toString().includes("fetch") ? "fetch" : "handler";
  return { $case: "artifact", value: { digest, sizeBytes: artifact.length, shape, exports } };
}
