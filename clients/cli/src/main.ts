import { homedir } from "node:os";
import { runCommandLine } from "./command-line.ts";
import { registerCommands, version } from "./mod.ts";

// A reader that goes away, as `| head` does, ends the command without a stack.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

process.exitCode = await runCommandLine(
  {
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  },
  { version, register: registerCommands },
);
