import { resolve } from "node:path";
import { AdminServiceService, Runner } from "@millrace/proto/control/v1/admin";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { type Answer, done, many, type View } from "../output/answer.ts";
import {
  checked,
  fileOption,
  joining,
  natsCaOption,
  natsOption,
  noteAccounts,
  ownFolder,
  readBundle,
  stateOption,
} from "./joining.ts";
import { integerOption } from "./options.ts";
import { saveOnce, saveOption } from "./save-once.ts";

const TIERS = ["development", "reduced", "full"];
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
      options: [natsOption(), natsCaOption(), saveOption()],
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
        stateOption(),
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
  const ca = fileOption(context.terminal, "--nats-ca", natsCa);
  return saveOnce(context, save, async () => {
    const { bundle, natsAccountsFile } = await createRunner(ownFolder(context), id, { natsUrl, natsCa: ca });
    noteAccounts(context.terminal, natsAccountsFile);
    const text = `runner ${id} may join: millrace runner join <file with this>`;
    return { json: bundle, text, secret: bundleText(bundle) };
  });
}

async function join(
  context: Context,
  [path = ""]: string[],
  { slots, minimumTier, egressAllow, nats, state }: JoinOptions,
): Promise<undefined> {
  const { joinRunner, parseBundle } = await joining();
  const bundle = await readBundle(context.terminal, path, parseBundle);
  const stateDirectory = state && resolve(context.terminal.cwd, state);
  const say = (line: string) => context.say(line);
  await joinRunner(bundle, { slots, minimumTier, egressAllow, natsUrl: nats, stateDirectory, say });
}

async function remove(context: Context, [id = ""]: string[]): Promise<Answer> {
  const { deleteRunner } = await joining();
  noteAccounts(context.terminal, deleteRunner(ownFolder(context), id).natsAccountsFile);
  return done({ deleted: id }, `deleted runner ${id}`);
}
