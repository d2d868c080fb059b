import { statSync } from "node:fs";
import { resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { invalidFields, PlatformError } from "@millrace/errors";
import type { RunnerBundle } from "@millrace/local/joining";
import { AdminServiceService, Runner } from "@millrace/proto/control/v1/admin";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { type Answer, done, many, type View } from "../output/answer.ts";
import { platformHere } from "../profiles/platform-file.ts";
import { existingPath, readText, type Terminal } from "../terminal.ts";
import { integerOption } from "./options.ts";
import { saveOnce, saveOption } from "./save-once.ts";

// Runners are started by whoever starts the platform, which this program does not know; it is loaded when it is needed.
const joining = () => import("@millrace/local/joining");

const TIERS = ["development", "reduced", "full"];
const READABLE_BY_OTHERS = 0o077;
const natsOption = () =>
  new Option("--nats <url>", "where the runner finds NATS, when that is not where the platform does");

const view: View<Runner> = {
  json: Runner.toJSON,
  cells: {
    id: ({ id }) => id,
    isolation: ({ isolationTier }) => isolationTier,
    slots: ({ slots }) => slots,
    busy: ({ slotsBusy }) => slotsBusy,
    draining: ({ draining }) => draining,
    "last beat": ({ lastBeatAt }) => lastBeatAt,
  },
};

export async function listRunners({ call }: Context): Promise<Answer> {
  return many(view, "runners", (await call(AdminServiceService.listRunners, {})).runners);
}

interface JoinOptions {
  slots: number;
  minimumTier: string;
  egressAllow?: string;
  nats?: string;
  state?: string;
}

export function registerRunner(registry: Registry): void {
  registry
    .noun("runner", "processes that run functions (operators only)")
    .command({ usage: "list", description: "list the runners that have reported lately", run: listRunners })
    .command<{ nats?: string; natsCa?: string; save?: string }>({
      usage: "create <id>",
      description: "let one more runner in; what it joins with is shown once. On the platform's own machine",
      options: [
        natsOption(),
        new Option("--nats-ca <file>", "PEM of the authority that signed the certificate of NATS, where it is private"),
        saveOption(),
      ],
      examples: [
        "millrace runner create north --save north.json",
        "millrace runner create north --output json | ssh north millrace runner join -",
      ],
      run: create,
    })
    .command<JoinOptions>({
      usage: "join <bundle>",
      description:
        "run functions for a platform, here and in the foreground, with what runner create answered (- reads it from standard input)",
      options: [
        integerOption("--slots <n>", "invocations at a time", 1, 4096).default(64),
        new Option("--minimum-tier <tier>", "the weakest isolation to accept").choices(TIERS).default("reduced"),
        new Option("--egress-allow <list>", "what functions may reach though it is private: address[/prefix][:port],…"),
        natsOption(),
        new Option("--state <folder>", "where to keep artifacts and logs (default: in .millrace of the clone)"),
      ],
      run: join,
    })
    .command({
      usage: "delete <id>",
      description: "shut a runner out, at once. On the platform's own machine",
      run: remove,
    });
}

async function create(
  context: Context,
  [id = ""]: string[],
  { nats: natsUrl, natsCa, save }: { nats?: string; natsCa?: string; save?: string },
): Promise<Answer> {
  const { assertRunnerId, bundleText, createRunner } = await joining();
  checked("<id>", () => assertRunnerId(id));
  const ca =
    natsCa === undefined
      ? undefined
      : readText(existingPath(resolve(context.terminal.cwd, natsCa), "--nats-ca"), "--nats-ca");
  const folder = ownFolder(context);
  const { bundle, natsAccountsFile } = await createRunner(folder, id, { ...(natsUrl && { natsUrl }), natsCa: ca });
  noteAccounts(context.terminal, natsAccountsFile);
  const text = `runner ${id} may join: millrace runner join <file with this>`;
  return saveOnce(context, bundle, { save, text, secret: bundleText(bundle) });
}

async function join(
  context: Context,
  [path = ""]: string[],
  { slots, minimumTier, egressAllow, nats, state }: JoinOptions,
): Promise<undefined> {
  const { joinRunner } = await joining();
  const bundle = await readBundle(context.terminal, path);
  const stateDirectory = state && resolve(context.terminal.cwd, state);
  const say = (line: string) => context.say(line);
  await joinRunner(bundle, { slots, minimumTier, egressAllow, natsUrl: nats, stateDirectory, say });
}

async function remove(context: Context, [id = ""]: string[]): Promise<Answer> {
  const { deleteRunner } = await joining();
  noteAccounts(context.terminal, deleteRunner(ownFolder(context), id).natsAccountsFile);
  return done({ deleted: id }, `deleted runner ${id}`);
}

async function readBundle(terminal: Terminal, path: string): Promise<RunnerBundle> {
  const { parseBundle } = await joining();
  if (path === "-") {
    const text = await readAll(terminal.stdin);
    return checked("<bundle>", () => parseBundle(text));
  }
  const file = existingPath(resolve(terminal.cwd, path), "<bundle>");
  if ((statSync(file).mode & READABLE_BY_OTHERS) !== 0) {
    throw invalidFields([{ field: "<bundle>", description: `${file} can be read by others; chmod 600 it` }]);
  }
  return checked("<bundle>", () => parseBundle(readText(file, "<bundle>")));
}

/** Runners are let in by the platform's own folder, which must be of the platform that all other commands would go to. */
function ownFolder({ terminal, profile }: Context): string {
  const { folder, authAddress } = platformHere(terminal);
  if (sameMachine(profile.authAddress) === sameMachine(authAddress)) return folder;
  throw new PlatformError(
    "failed_precondition",
    `You are signed in to the platform at ${profile.authAddress}; the one that runs here is at ${authAddress}. Call this on the first one's machine, or choose another profile.`,
    { reason: "platform_not_here" },
  );
}

const sameMachine = (address: string): string => address.replace(/^localhost:/, "127.0.0.1:");

/** A server that is not the platform's own has to be told by whoever runs it. */
function noteAccounts({ stderr }: Terminal, file: string | undefined): void {
  if (file !== undefined) stderr.write(`NATS is not Millrace's own: give it the accounts in ${file} and reload it\n`);
}

function checked<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw invalidFields([{ field, description: (error as Error).message }]);
  }
}
