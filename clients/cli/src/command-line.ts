import { Command, Option } from "commander";
import { Context, type GlobalOptions } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import type { Answer } from "./output/answer.ts";
import { failureOf } from "./output/failure.ts";
import { inOptions } from "./output/field-options.ts";
import { jsonText, printableLines } from "./output/table.ts";
import type { Terminal } from "./terminal.ts";

export type Action<Options> = (context: Context, args: string[], options: Options) => Promise<Answer | undefined>;

/** Where nouns register their commands. */
export interface Registry {
  /** A group of commands, e.g. `function`. */
  noun(name: string, description: string): Noun;
  /** A command that stands alone, e.g. `deploy [dir]`. */
  command<Options>(spec: CommandSpec<Options>): void;
}

export interface Noun {
  command<Options>(spec: CommandSpec<Options>): Noun;
  noun(name: string, description: string): Noun;
}

export interface CommandSpec<Options> {
  /** Name and arguments as in the help, e.g. `get <id>`. */
  usage: string;
  description: string;
  options?: readonly Option[];
  /** Lines for the end of the help. */
  examples?: readonly string[];
  run: Action<Options>;
}

export interface Settings {
  version: string;
  register(registry: Registry): void;
}

interface Outcome {
  exitCode: number;
  /** Of the command that was used wrongly. */
  usage: string | undefined;
}

const EXIT_CODES_HELP = `
Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 not signed in or not allowed, 5 the platform does not answer.`;

/** Runs one command line and answers its exit code. */
export async function runCommandLine(terminal: Terminal, settings: Settings): Promise<number> {
  const outcome: Outcome = { exitCode: EXIT.ok, usage: undefined };
  try {
    await buildProgram(terminal, settings, outcome).parseAsync([...terminal.argv], { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    const failure = failureOf(error, asksForJson(terminal.argv), outcome.usage);
    if (failure.text !== "") terminal.stderr.write(`${failure.text}\n`);
    return failure.exitCode;
  }
}

function buildProgram(terminal: Terminal, settings: Settings, outcome: Outcome): Command {
  const program = new Command("millrace")
    .description("Functions, published as HTTP APIs.")
    .version(settings.version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      // The error is thrown too, and told by whoever catches it.
      outputError: () => {},
    })
    .addOption(new Option("-o, --output <form>", "how answers are printed").choices(["table", "json"]).default("table"))
    .option("-p, --project <id>", "the project (default: of the profile, of millrace.yaml, else `default`)")
    .option("--use-profile <name>", "the saved sign-in to use (or MILLRACE_PROFILE)")
    .addHelpText("after", EXIT_CODES_HELP);
  const within = (command: Command): Noun & Registry => ({
    noun: (name, description) => within(command.command(name).description(description)),
    command(spec) {
      addCommand(command, spec, terminal, outcome);
      return within(command);
    },
  });
  settings.register(within(program));
  return program;
}

function addCommand<Options>(parent: Command, spec: CommandSpec<Options>, terminal: Terminal, outcome: Outcome): void {
  const command = parent.command(spec.usage).description(spec.description).showHelpAfterError(false);
  command.exitOverride((error) => {
    outcome.usage = usageOf(command);
    throw error;
  });
  for (const option of spec.options ?? []) command.addOption(option);
  if (spec.examples)
    command.addHelpText("after", `\nExamples:\n${spec.examples.map((line) => `  ${line}`).join("\n")}`);
  command.action(async () => {
    const context = new Context(terminal, command.optsWithGlobals() as GlobalOptions);
    try {
      const answer = await spec.run(context, command.processedArgs as string[], command.opts() as Options);
      if (answer) await print(context, answer);
      outcome.exitCode = answer?.exitCode ?? EXIT.ok;
    } catch (error) {
      throw inOptions(context.explained(error), (option) => isGiven(command, option));
    } finally {
      context.close();
    }
  });
}

function isGiven(command: Command, long: string): boolean {
  const option = command.options.find((one) => one.long === long);
  return option !== undefined && command.getOptionValueSource(option.attributeName()) === "cli";
}

/** As the first line of its help says it. */
function usageOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at; at = at.parent) names.unshift(at.name());
  return `${names.join(" ")} ${command.usage()}`;
}

function print(context: Context, answer: Answer): Promise<void> {
  const forPeople = () => (answer.isVerbatim ? answer.text : printableLines(answer.text));
  const text = context.json ? jsonText(answer.json, 2) : forPeople();
  if (text === "") return Promise.resolve();
  return new Promise((resolve) => context.terminal.stdout.write(`${text}\n`, () => resolve()));
}

/** Known before parsing, since parsing may be what fails. */
function asksForJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, i) => /^(--output|-o)=?json$/.test(word) || (/^(--output|-o)$/.test(word) && argv[i + 1] === "json"),
  );
}
