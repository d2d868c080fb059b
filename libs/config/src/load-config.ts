import { z } from "zod";

const PREFIX = "MILLRACE_";

/**
 * Parses the environment by a schema whose keys are variable names without `MILLRACE_`. Throws one error that lists every problem;
 * variables with our prefix that the schema does not know are problems too. An empty variable counts as unset.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  environment: Readonly<Record<string, string | undefined>>,
  shape: Shape,
): z.infer<z.ZodObject<Shape>> {
  const given = Object.entries(environment).filter(([name, value]) => name.startsWith(PREFIX) && value);
  const result = z
    .strictObject(shape)
    .safeParse(Object.fromEntries(given.map(([name, v]) => [name.slice(PREFIX.length), v])));
  if (result.success) return result.data as z.infer<z.ZodObject<Shape>>;
  throw new Error(["The configuration is not usable:", ...result.error.issues.flatMap(describe)].join("\n  "));
}

function describe(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => `${PREFIX}${key}: is no variable of this service`);
  const name = `${PREFIX}${issue.path.join(".")}`;
  if (issue.code === "invalid_type" && issue.input === undefined) return [`${name}: is required`];
  return [`${name}: ${issue.message}`];
}
