/** `npm start`: one platform in the foreground, until Ctrl-C. */
import { availableParallelism } from "node:os";
import { parseStartArguments, type StartArguments, USAGE } from "./arguments.ts";
import { describeError } from "./describe-error.ts";
import { defaultStateDirectory } from "./paths.ts";
import { deployExample } from "./platform/first-deploy.ts";
import { isolationOf } from "./platform/isolation.ts";
import { type Platform, startPlatform } from "./platform/platform.ts";
import { StopRequest } from "./stop-request.ts";

/** Tried first, so that the addresses are easy to type and stay the same. */
const USUAL_PORTS = {
  "gateway.http": 8080,
  "gateway.https": 8443,
  "console-1.http": 8090,
  "control-plane-1.grpc": 7100,
  "auth-1.grpc": 7101,
};

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const startedAt = Date.now();
  const stop = new StopRequest();
  try {
    const given = parseStartArguments(args);
    if (given.help) return print(USAGE);
    const platform = await start(given, stop);
    try {
      await welcome(platform, given, startedAt);
      await stop.requested;
    } finally {
      print("stopping");
      await platform.stop();
    }
    return print("stopped; data are kept");
  } catch (error) {
    if (stop.signal.aborted) return print("stopped before it was ready");
    console.error(describeError(error));
    return 1;
  } finally {
    stop.close();
  }
}

function start(given: StartArguments, stop: StopRequest): Promise<Platform> {
  const { runners, gateways, slots, minimumTier, egressAllow, backendAllow, webhookAllow, https, dnsServers, state } =
    given;
  const stateDirectory = state ?? defaultStateDirectory;
  return startPlatform({
    stateDirectory,
    runners,
    gateways,
    runnerSlots: slots,
    runnerMinimumTier: minimumTier,
    egressAllow,
    backendAllow,
    webhookAllow,
    https,
    dnsServers,
    ports: USUAL_PORTS,
    log: print,
    signal: stop.signal,
  });
}

async function welcome(platform: Platform, given: StartArguments, startedAt: number): Promise<void> {
  const call = await deployExample(platform, print).catch((error: unknown) => {
    print(`examples/petstore cannot be called: ${describeError(error)}`);
    return undefined;
  });
  const isolation = await isolationOf(platform).catch(() => "unknown: the runner does not say");
  const elsewhere = platform.stateDirectory === defaultStateDirectory ? "" : platformVariable(platform);
  print(`
Millrace is ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s.
  console      ${platform.consoleUrl}
  first login  ${platform.operator.email}  ${platform.operator.password}
  gateway      ${gatewaysLine(platform)}${platform.gatewayHttpsUrl ? `\n  over TLS     ${platform.gatewayHttpsUrl}` : ""}
  runners      ${given.runners} with ${given.slots} slots each, on ${availableParallelism()} cores
  isolation    ${isolation}
  logs         ${platform.logsFolder}
Ctrl-C stops it.${elsewhere}${call === undefined ? "" : ` Try it:\n\ncurl ${call}\n`}`);
}

function gatewaysLine({ gatewayUrl, gatewayUrls }: Platform): string {
  if (gatewayUrls.length === 1) return gatewayUrl;
  if (gatewayUrls.includes(gatewayUrl))
    return `${gatewayUrls.join(", ")} (only Linux lets them share a port; put a balancer before them)`;
  return `${gatewayUrl}, which ${gatewayUrls.length} share; each is also at ${gatewayUrls.join(", ")}`;
}

/** The CLI looks in the clone's own state directory. */
function platformVariable({ platformFile }: Platform): string {
  return ` The CLI finds it with\n\nexport MILLRACE_PLATFORM_FILE=${platformFile}\n\n`;
}

function print(line: string): number {
  console.log(line);
  return 0;
}
