/** The flags of `npm start`. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";

const INSTANCES_MAX = 32;

export const USAGE = `usage: npm start -- [--runners N] [--gateways N] [--state FOLDER]

Starts Millrace with everything it needs and keeps it running until Ctrl-C.
  --runners N    function runners to start, 1 to ${INSTANCES_MAX} (default 1)
  --gateways N   gateways to start, 1 to ${INSTANCES_MAX} (default 1)
  --state FOLDER where to keep data, secrets and logs (default .millrace)
  --help         print this text`;

export type StartArguments = {
  readonly help: boolean;
  readonly runners: number;
  readonly gateways: number;
  readonly state: string | undefined;
};

/** Throws an error with one clear line for a flag or value that is not known. */
export function parseStartArguments(args: readonly string[]): StartArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean" },
      runners: { type: "string" },
      gateways: { type: "string" },
      state: { type: "string" },
    },
  });
  return {
    help: values.help ?? false,
    runners: count("--runners", values.runners),
    gateways: count("--gateways", values.gateways),
    state: values.state === undefined ? undefined : resolve(process.env.INIT_CWD ?? process.cwd(), values.state),
  };
}

function count(flag: string, value: string | undefined): number {
  if (value === undefined) return 1;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > INSTANCES_MAX) {
    throw new Error(`${flag} takes a number from 1 to ${INSTANCES_MAX}, not "${value}"`);
  }
  return number;
}
