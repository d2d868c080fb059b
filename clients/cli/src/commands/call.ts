import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { invalidFields } from "@millrace/errors";
import { ENVIRONMENTS } from "@millrace/names";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { PROFILES } from "@millrace/signing";
import { Option } from "commander";
import { type CredentialOptions, parseObject, readCredential } from "../calling/credential.ts";
import { type Endpoint, endpointOf, endpointOfUrl } from "../calling/endpoint.ts";
import { type HttpAnswer, sendRequest } from "../calling/send-request.ts";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { type Answer, idOf } from "../output/answer.ts";
import { printable } from "../output/table.ts";
import { existingPath } from "../terminal.ts";
import { deploymentName, listOption } from "./options.ts";

interface CallOptions extends CredentialOptions {
  group?: string;
  env: string;
  url?: string;
  region?: string;
  data?: string;
  header: string[];
  include?: boolean;
}

export function registerCall(registry: Registry): void {
  registry.command<CallOptions>({
    usage: "call <method> <path>",
    description: "call an API of a deployment, signed if a key is given",
    options: [
      new Option("-g, --group <id>", "the API group"),
      new Option("-e, --env <environment>", "the environment").choices(ENVIRONMENTS).default("online"),
      new Option("--url <url>", "a deployment's URL, instead of group and environment"),
      new Option("--region <region>", "the region that a signature is for, with a URL that names none"),
      new Option("--key-file <file>", "the key, as key create --save wrote it"),
      new Option("--key-id <id>", "an access key; its secret is asked for"),
      new Option("--secret-file <file>", "read the access key's secret from a file, - for standard input"),
      new Option("--api-key-file <file>", "read a subscription key from a file, - for standard input"),
      new Option("--profile <algorithm>", "how to sign").choices(Object.keys(PROFILES)).default("AWS4-HMAC-SHA256"),
      new Option("-d, --data <body>", "the body; @file reads a file, - standard input"),
      listOption("-H, --header <line>", "a header, e.g. 'accept: text/plain'; may be repeated"),
      new Option("-i, --include", "show the answer's headers too"),
    ],
    examples: [
      "millrace call GET /pets/1 --group petstore --env online",
      'millrace call POST /pets -g petstore -e test --key-file shop-key.json -d \'{"name": "Bello", "kind": "dog"}\'',
    ],
    run: call,
  });
}

async function call(context: Context, [method = "", path = ""]: string[], options: CallOptions): Promise<Answer> {
  if (!path.startsWith("/")) throw invalidFields([{ field: "path", description: "must begin with /" }]);
  if (!/^[A-Za-z]{1,16}$/.test(method))
    throw invalidFields([{ field: "method", description: "must be a word such as GET" }]);
  const headers = options.header.map(readHeader);
  const body = await readBody(context, options.data);
  const hasType = headers.some(([name]) => name.toLowerCase() === "content-type");
  if (body.length > 0 && !hasType)
    headers.push(["content-type", looksLikeJson(body) ? "application/json" : "text/plain"]);
  const credential = await readCredential(context, options);
  const endpoint = await endpointFor(context, options);
  const answer = await sendRequest({ endpoint, method: method.toUpperCase(), path, headers, body, credential });
  const shown = show(context, answer, options.include === true);
  if (options.url === undefined) pointOnwards(context, answer, options);
  return shown;
}

async function endpointFor({ call, project }: Context, options: CallOptions): Promise<Endpoint> {
  const { group, env, url, region } = options;
  if (url !== undefined) return endpointOfUrl(url, region);
  if (group === undefined)
    throw invalidFields([{ field: "--group", description: "is required, unless --url is given" }]);
  return endpointOf(
    await call(DeploymentServiceService.getDeployment, { name: deploymentName(project, { group, env }) }),
  );
}

function readHeader(line: string): [string, string] {
  const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):\s*(.*)$/.exec(line);
  if (match) return [match[1]!, match[2]!];
  throw invalidFields([{ field: "--header", description: "must be name: value" }]);
}

async function readBody({ terminal }: Context, data: string | undefined): Promise<Buffer> {
  if (data === undefined) return Buffer.alloc(0);
  if (data === "-") return buffer(terminal.stdin);
  if (data.startsWith("@")) return readFileSync(existingPath(resolve(terminal.cwd, data.slice(1)), "--data"));
  return Buffer.from(data);
}

function looksLikeJson(body: Buffer): boolean {
  return /^\s*[[{"]/.test(body.subarray(0, 64).toString("latin1"));
}

/** The status goes to standard error, so that the body can be piped; the exit code tells a failing status. */
function show({ json, terminal }: Context, answer: HttpAnswer, include: boolean): Answer {
  const { status, statusText, headers, body } = answer;
  const text = body.toString("utf8");
  const isText = Buffer.from(text, "utf8").equals(body);
  const statusLine = `${status} ${statusText}`;
  const head = [statusLine, ...headers.map(([name, value]) => `${name}: ${value}`), "", ""].join("\n");
  if (!json && !include) terminal.stderr.write(`${printable(statusLine)}\n`);
  return {
    json: {
      status,
      headers: headerMap(headers),
      body: isText ? text : body.toString("base64"),
      isBase64Encoded: !isText,
    },
    text: (include ? head : "") + text.replace(/\n$/, ""),
    isVerbatim: true,
    exitCode: status < 400 ? EXIT.ok : EXIT.failed,
  };
}

/** Callers are told neither how a function failed, nor what is there and not released; whoever sees the deployment is told where to look. */
function pointOnwards(
  { json, project, terminal }: Context,
  { headers, body }: HttpAnswer,
  { group, env }: CallOptions,
): void {
  const { "content-type": type, "x-millrace-request-id": requestId } = headerMap(headers);
  if (json || type !== "application/problem+json" || requestId === undefined) return;
  const { component, reason } = parseObject(body.toString("utf8"));
  const millrace = `millrace --project ${idOf(project)}`;
  if (component === "function")
    terminal.stderr.write(`what happened: ${millrace} logs --request-id ${printable(requestId)}\n`);
  if (reason === "no_deployment")
    terminal.stderr.write(
      `nothing is served there; what is released where: ${millrace} release status --group ${group}\nto release: ${millrace} release create --group ${group} --env ${env}\n`,
    );
}

function headerMap(headers: readonly [string, string][]): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    map[key] = Object.hasOwn(map, key) ? `${map[key]}, ${value}` : value;
  }
  return map;
}
