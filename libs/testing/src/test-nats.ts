import { join } from "node:path";
import { type BusIdentity, permissionsFor } from "@millrace/bus";
import { choosePorts, type ManagedProcess } from "@millrace/local";
import { natsProcess } from "@millrace/local/engines";
import { createUser } from "@nats-io/nkeys";
import { type Owner, testEngines } from "./test-engines.ts";
import { startTestProcess } from "./test-process.ts";

export type TestNats = {
  readonly url: string;
  /** The nkey seed of a user who may touch every subject. */
  readonly seed: string;
  /** The seed of one of the given identities, who may touch what the bus table allows it. */
  seedOf(identity: BusIdentity): string;
  /** To stop, start or kill the server within a test. */
  readonly server: ManagedProcess;
};

export type TestNatsOptions = {
  readonly identities?: readonly BusIdentity[];
  readonly payloadBytesMax?: number;
};

/** A NATS server of the owner's own, with JetStream. */
export async function testNats(owner: Owner, options: TestNatsOptions = {}): Promise<TestNats> {
  const { identities = [], payloadBytesMax } = options;
  const anyone = newUser();
  const users = new Map(identities.map((identity) => [keyOf(identity), { identity, ...newUser() }]));
  const ports = await choosePorts(["server", "monitor"], {});
  const server = await startTestProcess(owner, async (folder) =>
    natsProcess({
      name: "nats",
      program: testEngines().programs.nats,
      folder: join(folder, "nats"),
      port: ports.server!,
      monitorPort: ports.monitor!,
      user: undefined,
      users: [
        { nkey: anyone.nkey },
        ...[...users.values()].map(({ nkey, identity }) => ({ nkey, permissions: permissionsFor(identity) })),
      ],
      logFile: join(folder, "nats.log"),
      ...(payloadBytesMax === undefined ? {} : { payloadBytesMax }),
    }),
  );
  return {
    url: `nats://127.0.0.1:${ports.server}`,
    seed: anyone.seed,
    seedOf: (identity) => {
      const user = users.get(keyOf(identity));
      if (user === undefined) throw new Error(`testNats was not given the identity ${keyOf(identity)}`);
      return user.seed;
    },
    server,
  };
}

const keyOf = ({ service, id }: BusIdentity): string => `${service}/${id}`;

function newUser(): { readonly nkey: string; readonly seed: string } {
  const user = createUser();
  return { nkey: user.getPublicKey(), seed: new TextDecoder().decode(user.getSeed()) };
}
