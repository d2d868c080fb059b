import { SUBJECTS, TRIAL_QUEUE_GROUP } from "@millrace/bus";
import { InvocationOutcome, TrialRequest, TrialResponse } from "@millrace/proto/invocation/v1/invocation";
import type { NatsConnection } from "@nats-io/nats-core";

export interface TestTrier {
  readonly requests: TrialRequest[];
  /** What the next calls answer, or a promise of it; undefined: what they were sent. */
  answer: TrialResponse["outcome"] | Promise<TrialResponse["outcome"]>;
  stop(): void;
}

/** Answers trials as a runner does. */
export function startTestTrier(connection: NatsConnection): TestTrier {
  const trier: TestTrier = { requests: [], answer: undefined, stop: () => subscription.unsubscribe() };
  const subscription = connection.subscribe(SUBJECTS.trial, {
    queue: TRIAL_QUEUE_GROUP,
    callback: (_error, message) => {
      const request = TrialRequest.decode(message.data);
      trier.requests.push(request);
      void Promise.resolve(trier.answer).then((answer) =>
        message.respond(TrialResponse.encode({ outcome: answer ?? echoOf(request) }).finish()),
      );
    },
  });
  return trier;
}

function echoOf({ input }: TrialRequest): TrialResponse["outcome"] {
  const body = input?.$case === "event" ? input.value : (input?.value.body ?? Buffer.alloc(0));
  return {
    $case: "result",
    value: {
      status: 200,
      headers: ["content-type", "text/plain"],
      body,
      bodyTruncated: false,
      lines: [{ time: new Date(), level: "info", message: "hello" }],
      linesDropped: 0,
      outcome: InvocationOutcome.fromPartial({
        status: 200,
        durationMs: 12.5,
        cold: true,
        cpuUs: 800,
        memoryKib: 9_000,
      }),
    },
  };
}
