import { resolve } from "node:path";
import { invalidFields } from "@millrace/errors";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { type Answer, done } from "../output/answer.ts";
import type { Terminal } from "../terminal.ts";
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
import { saveOnce, saveOption } from "./save-once.ts";

interface Addresses {
  nats?: string;
  redis?: string;
  auth?: string;
}

interface CreateOptions extends Addresses {
  natsCa?: string;
  authCa?: string;
  save?: string;
}

interface JoinOptions extends Addresses {
  listen: string;
  listenHttps?: string;
  certificate?: string;
  key?: string;
  operations?: string;
  state?: string;
}

const redisOption = () =>
  new Option("--redis <host:port>", "where Redis is found, when that is not where the platform does");
const authOption = () =>
  new Option("--auth <host:port>", "where auth is found, when that is not where the platform does");

export function registerGateway(registry: Registry): void {
  registry
    .noun("gateway", "processes that callers talk to (operators only)")
    .command<CreateOptions>({
      usage: "create <id>",
      description: "let one more gateway in; what it joins with is shown once. On the platform's own machine",
      options: [
        natsOption(),
        natsCaOption(),
        redisOption(),
        authOption(),
        new Option(
          "--auth-ca <file>",
          "PEM of the authority that signed auth's certificate; without it no TLS to auth",
        ),
        saveOption(),
      ],
      examples: ["millrace gateway create east --save east.json"],
      run: create,
    })
    .command<JoinOptions>({
      usage: "join <bundle>",
      description:
        "serve a platform's APIs, here and in the foreground, with what gateway create answered (- reads it from standard input)",
      options: [
        new Option("--listen <host:port>", "where callers reach it").default("127.0.0.1:8080"),
        new Option("--listen-https <host:port>", "where callers reach it over TLS (default: nowhere)"),
        new Option("--certificate <file>", "PEM of the chain that callers of the platform's own hosts are shown"),
        new Option("--key <file>", "PEM of that certificate's private key"),
        new Option(
          "--operations <host:port>",
          "where /livez, /readyz and /metrics are (default: a free port of loopback)",
        ),
        natsOption(),
        redisOption(),
        authOption(),
        stateOption(),
      ],
      run: join,
    })
    .command({
      usage: "delete <id>",
      description: "shut a gateway out, at once. On the platform's own machine",
      run: remove,
    });
}

async function create(
  context: Context,
  [id = ""]: string[],
  { nats: natsUrl, natsCa, redis: redisAddress, auth: authAddress, authCa, save }: CreateOptions,
): Promise<Answer> {
  const { assertGatewayId, bundleText, createGateway } = await joining();
  checked("<id>", () => assertGatewayId(id));
  const { terminal } = context;
  const cas = { natsCa: fileOption(terminal, "--nats-ca", natsCa), authCa: fileOption(terminal, "--auth-ca", authCa) };
  const options = { natsUrl, redisAddress, authAddress, ...cas };
  return saveOnce(context, save, async () => {
    const { bundle, natsAccountsFile } = await createGateway(ownFolder(context), id, options);
    noteAccounts(terminal, natsAccountsFile);
    const text = `gateway ${id} may join: millrace gateway join <file with this>`;
    return { json: bundle, text, secret: bundleText(bundle) };
  });
}

async function join(
  context: Context,
  [path = ""]: string[],
  { listen, listenHttps, certificate, key, operations, nats, redis, auth, state }: JoinOptions,
): Promise<undefined> {
  const { joinGateway, parseGatewayBundle } = await joining();
  const bundle = await readBundle(context.terminal, path, parseGatewayBundle);
  const stateDirectory = state && resolve(context.terminal.cwd, state);
  const say = (line: string) => context.say(line);
  const https = { listenHttps, certificate: certificateFiles(context.terminal, certificate, key) };
  const elsewhere = { natsUrl: nats, redisAddress: redis, authAddress: auth };
  await joinGateway(bundle, { listen, ...https, operations, ...elsewhere, stateDirectory, say });
}

function certificateFiles({ cwd }: Terminal, certificate: string | undefined, key: string | undefined) {
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate !== undefined && key !== undefined)
    return { certificate: resolve(cwd, certificate), key: resolve(cwd, key) };
  throw invalidFields([{ field: "--certificate", description: "and --key go together" }]);
}

async function remove(context: Context, [id = ""]: string[]): Promise<Answer> {
  const { deleteGateway } = await joining();
  noteAccounts(context.terminal, deleteGateway(ownFolder(context), id).natsAccountsFile);
  return done({ deleted: id }, `deleted gateway ${id}`);
}
