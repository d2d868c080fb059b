import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import { clone, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { PlatformError } from "@millrace/errors";
import { MemberServiceService } from "@millrace/proto/auth/v1/members";
import { PeopleServiceService, Person } from "@millrace/proto/auth/v1/people";
import { FunctionMessage, FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { LogEntry, LogServiceService } from "@millrace/proto/control/v1/logs";
import { Project, ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { readDescriptorSet } from "@millrace/proto/descriptors";
import { type Principal, RpcClient, RpcServer, type RpcServerOptions, requirePerson } from "@millrace/rpc";
import { buildApp } from "./app.ts";
import { serveHttp } from "./http/http-server.ts";
import type { Origins } from "./sessions/credential.ts";

// A console in front of stand-ins for control-plane and auth that serve a few methods of their contracts.

export const PASSWORD = "correct horse battery staple";
export const TOKEN = "session-token-of-ada";

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const anybody = { who: "public" } as const;

/** The members of answers that tests look at. */
export interface AnswerBody {
  reason: string;
  detail: string;
  violations: { field: string; description: string }[];
  name: string;
  displayName: string;
  code: { uploadDigest: string };
  person: { email: string };
  services: { name: string; methods: { name: string; url: string; description: string }[] }[];
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** Undefined when the text is no JSON. */
  body: AnswerBody;
}

export interface TestConsole {
  url: string;
  /** Every line that the console logged. */
  logged: string[];
  /** What each call brought to control-plane. */
  traceparents: string[];
  call(path: string, init?: RequestInit & { json?: unknown }): Promise<Answer>;
}

export async function startConsole(
  t: TestContext,
  origins: Partial<Origins> = {},
  addresses: { controlPlane?: string } = {},
): Promise<TestConsole> {
  const traceparents: string[] = [];
  const onEnd: RpcServerOptions["onEnd"] = ({ traceparent }) => void traceparents.push(traceparent);
  const controlPlane = new RpcClient({ address: addresses.controlPlane ?? (await startControlPlane(t, onEnd)) });
  const auth = new RpcClient({ address: await startAuth(t) });
  const logged: string[] = [];
  const write = (fields: object, message: string) => logged.push(`${JSON.stringify(fields)} ${message}`);
  const settled: Origins = { secure: false, publicOrigin: undefined, ...origins };
  const app = buildApp({
    controlPlane,
    auth,
    gatewayUrl: new URL("http://127.0.0.1:1/"),
    origins: settled,
    descriptorSet: withStreamingLogs(),
  });
  const server = await serveHttp({
    host: "127.0.0.1",
    port: 0,
    log: { info: write, warn: write, error: write } as never,
    secure: settled.secure,
    handle: app.handle,
  });
  t.after(async () => {
    await server.drain?.();
    controlPlane.close();
    auth.close();
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    logged,
    traceparents,
    async call(path, { json, ...init } = {}) {
      const body = json === undefined ? {} : { body: JSON.stringify(json) };
      const answer = await fetch(url + path, { method: "POST", ...init, ...body });
      const text = await answer.text();
      const isJson = /[/+]json$/.test(answer.headers.get("content-type") ?? "");
      return { status: answer.status, headers: answer.headers, text, body: isJson ? JSON.parse(text) : undefined };
    },
  };
}

async function startControlPlane(t: TestContext, onEnd: RpcServerOptions["onEnd"]): Promise<string> {
  const { getProject, createProject, deleteProject } = ProjectServiceService;
  const methods = [
    getProject,
    createProject,
    deleteProject,
    FunctionServiceService.uploadCode,
    LogServiceService.listLogs,
  ];
  const server = newServer(methods, onEnd);
  server.add(
    { getProject, createProject, deleteProject },
    {
      async getProject({ name }, { principal }) {
        const displayName = principal.kind === "person" ? principal.email : principal.kind;
        return Project.create({ name, displayName, createdAt: new Date("2026-01-31T12:00:00Z") });
      },
      async createProject({ projectId }) {
        throw new PlatformError("already_exists", `There is a project ${projectId}.`, {
          reason: "project_exists",
          metadata: { project: projectId },
          violations: [{ field: "project_id", description: "is taken" }],
        });
      },
      async deleteProject() {
        throw new Error("connection to postgres://millrace:hunter2@db refused");
      },
    },
  );
  const { uploadCode } = FunctionServiceService;
  server.add(
    { uploadCode },
    {
      async uploadCode(requests) {
        const hash = createHash("sha256");
        let name = "";
        let sizeBytes = 0;
        for await (const { part } of requests) {
          if (part?.$case === "header") name = part.value.name;
          if (part?.$case === "chunk") {
            hash.update(part.value);
            sizeBytes += part.value.length;
          }
        }
        return FunctionMessage.create({ name, code: { uploadDigest: hash.digest("hex"), sizeBytes } });
      },
    },
  );
  const listLogs = { ...LogServiceService.listLogs, responseStream: true as const, responseSerialize: serializeEntry };
  server.add(
    { listLogs },
    {
      async *listLogs({ function: id, pageSize }) {
        for (let i = 0; i < pageSize; i++) yield LogEntry.create({ function: id, message: `line ${i}` });
        if (id === "broken") throw new PlatformError("unavailable", "The log is gone.", { reason: "log_gone" });
      },
    },
  );
  return listen(t, server);
}

async function startAuth(t: TestContext): Promise<string> {
  const { signIn, signOut, getMe } = PeopleServiceService;
  const { listMembers } = MemberServiceService;
  const server = newServer([signIn, signOut, getMe, listMembers]);
  const person = Person.create({ name: "people/ada00000", email: "ada@example.com" });
  server.add(
    { signIn, signOut, getMe },
    {
      async signIn({ email, password }) {
        if (email === person.email && password === PASSWORD)
          return { token: TOKEN, expiresAt: new Date(Date.now() + 3_600_000), person };
        throw new PlatformError("unauthenticated", "Email or password is wrong.", { reason: "credential_invalid" });
      },
      signOut: async () => ({}),
      async getMe(_request, { principal }) {
        requirePerson(principal);
        return { person, memberships: [] };
      },
    },
  );
  server.add({ listMembers }, { listMembers: async () => ({ members: [], nextPageToken: "" }) });
  return listen(t, server);
}

function newServer(methods: readonly { path: string }[], onEnd?: RpcServerOptions["onEnd"]): RpcServer {
  const options: RpcServerOptions = {
    access: Object.fromEntries(methods.map(({ path }) => [path, anybody])),
    async authenticate(token): Promise<Principal> {
      if (token !== TOKEN)
        throw new PlatformError("unauthenticated", "The token is not valid.", { reason: "token_invalid" });
      const expiresAt = new Date(Date.now() + 3_600_000);
      const email = "ada@example.com";
      return { kind: "person", name: "people/ada00000", email, operator: false, memberships: new Map(), expiresAt };
    },
    onEnd,
    log: silent,
  };
  return new RpcServer(options);
}

async function listen(t: TestContext, server: RpcServer): Promise<string> {
  const port = await server.listen("127.0.0.1", 0);
  t.after(() => server.close());
  return `127.0.0.1:${port}`;
}

function serializeEntry(entry: LogEntry): Buffer {
  return Buffer.from(LogEntry.encode(entry).finish());
}

/** The contracts hold no server stream yet ListLogs as one tries that shape: it answers LogEntry after LogEntry. */
function withStreamingLogs(): Uint8Array {
  const set = clone(FileDescriptorSetSchema, fromBinary(FileDescriptorSetSchema, readDescriptorSet()));
  const method = set.file
    .flatMap((file) => file.service)
    .flatMap((service) => service.method)
    .find(({ name }) => name === "ListLogs")!;
  method.serverStreaming = true;
  method.outputType = ".millrace.control.v1.LogEntry";
  return toBinary(FileDescriptorSetSchema, set);
}
