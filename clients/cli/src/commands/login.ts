import { resolve } from "node:path";
import { invalidFields } from "@millrace/errors";
import { Me, PeopleServiceService, type SignInResponse } from "@millrace/proto/auth/v1/people";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { type Answer, done, idOf } from "../output/answer.ts";
import { fieldsText } from "../output/table.ts";
import { PlatformClient } from "../platform-client.ts";
import { chooseAddresses } from "../profiles/choose-profile.ts";
import type { PlatformAddresses, Profile } from "../profiles/profile.ts";
import { DEFAULT_PROFILE, ProfileStore } from "../profiles/profile-store.ts";
import { askLine, readSecret, readSecretFile } from "../terminal.ts";
import { roleWord } from "./member.ts";

interface LoginOptions {
  email?: string;
  passwordFile?: string;
  tokenFile?: string;
  invitationFile?: string;
  displayName?: string;
  controlPlane?: string;
  auth?: string;
  caFile?: string;
}

type Credential = Pick<Profile, "token" | "credential">;

export function registerLogin(registry: Registry): void {
  registry.command<LoginOptions>({
    usage: "login",
    description: "sign in, and keep the sign-in under ~/.config/millrace",
    options: [
      new Option("--email <email>", "who you are"),
      new Option("--password-file <file>", "read the password from a file, - for standard input (default: ask)"),
      new Option("--token-file <file>", "use an API token instead, - for standard input"),
      new Option("--invitation-file <file>", "accept an invitation and choose a password"),
      new Option("--display-name <name>", "your name, with an invitation"),
      new Option("--control-plane <host:port>", "where control-plane is"),
      new Option("--auth <host:port>", "where auth is"),
      new Option("--ca-file <file>", "authority of the services' certificates; turns TLS on"),
    ],
    examples: ["millrace login --email ada@example.com", "millrace login --token-file token.txt --use-profile ci"],
    run: login,
  });
  registry.command({ usage: "logout", description: "sign out and forget the sign-in", run: logout });
  registry.command({ usage: "whoami", description: "show who you are and where", run: whoami });
}

async function login(context: Context, _: string[], options: LoginOptions): Promise<Answer> {
  const addresses = addressesOf(context, options);
  const credential = await credentialOf(context, addresses, options);
  const client = new PlatformClient(addresses, credential.token);
  try {
    const { person } = await client.call(PeopleServiceService.getMe, {});
    const email = person?.email ?? "";
    const { project } = context.options;
    const profile: Profile = { ...addresses, ...credential, email, ...(project !== undefined && { project }) };
    const name = context.profileName ?? DEFAULT_PROFILE;
    new ProfileStore(context.terminal).save(name, profile);
    return done({ profile: name, email }, `signed in as ${email}`);
  } finally {
    client.close();
  }
}

async function credentialOf(
  context: Context,
  addresses: PlatformAddresses,
  options: LoginOptions,
): Promise<Credential> {
  const { terminal } = context;
  const { tokenFile, invitationFile } = options;
  if (tokenFile !== undefined) {
    const token = await readSecretFile(terminal, pathOf(context, tokenFile), {
      field: "--token-file",
      member: "secret",
    });
    return { token, credential: "token" };
  }
  const client = new PlatformClient(addresses);
  try {
    const { token } =
      invitationFile === undefined
        ? await signIn(context, client, options)
        : await acceptInvitation(context, client, { ...options, invitationFile });
    return { token, credential: "session" };
  } finally {
    client.close();
  }
}

async function signIn(context: Context, client: PlatformClient, options: LoginOptions): Promise<SignInResponse> {
  const { terminal } = context;
  const asked = options.email ?? (terminal.stdin.isTTY ? (await askLine(terminal, "email: ")).trim() : "");
  if (asked === "") throw invalidFields([{ field: "--email", description: "is required" }]);
  const password = await passwordOf(context, options, "password");
  return client.call(PeopleServiceService.signIn, { email: asked, password });
}

async function acceptInvitation(
  context: Context,
  client: PlatformClient,
  options: LoginOptions & { invitationFile: string },
): Promise<SignInResponse> {
  const invitationToken = await readSecretFile(context.terminal, pathOf(context, options.invitationFile), {
    field: "--invitation-file",
    member: "invitationToken",
  });
  const password = await passwordOf(context, options, "new password");
  const { displayName = "" } = options;
  return client.call(PeopleServiceService.acceptInvitation, { invitationToken, displayName, password });
}

function passwordOf(context: Context, { passwordFile }: LoginOptions, prompt: string): Promise<string> {
  if (passwordFile === undefined) return readSecret(context.terminal, prompt);
  return readSecretFile(context.terminal, pathOf(context, passwordFile), {
    field: "--password-file",
    member: "password",
  });
}

function addressesOf({ terminal, profileName }: Context, options: LoginOptions): PlatformAddresses {
  const known = chooseAddresses(terminal, profileName);
  const controlPlaneAddress = options.controlPlane ?? known?.controlPlaneAddress;
  const authAddress = options.auth ?? known?.authAddress;
  const missing = [
    ...(controlPlaneAddress === undefined ? ["--control-plane"] : []),
    ...(authAddress === undefined ? ["--auth"] : []),
  ];
  if (controlPlaneAddress === undefined || authAddress === undefined)
    throw invalidFields(
      missing.map((field) => ({ field, description: "is required: no platform runs from this folder or one above" })),
    );
  const caFile = options.caFile === undefined ? known?.caFile : resolve(terminal.cwd, options.caFile);
  return { ...known, controlPlaneAddress, authAddress, ...(caFile !== undefined && { caFile }) };
}

async function logout(context: Context): Promise<Answer> {
  const store = new ProfileStore(context.terminal);
  const name = context.profileName ?? DEFAULT_PROFILE;
  const profile = store.get(name);
  if (!profile) return done({ profile: name, signedOut: false }, "you were not signed in");
  store.remove(name);
  // Signing out with an API token would delete the token.
  if (profile.credential === "session") await endSession(profile);
  return done({ profile: name, signedOut: true }, "signed out");
}

async function endSession(profile: Profile): Promise<void> {
  const client = new PlatformClient(profile, profile.token);
  try {
    await client.call(PeopleServiceService.signOut, {});
  } finally {
    client.close();
  }
}

async function whoami(context: Context): Promise<Answer> {
  const me = await context.call(PeopleServiceService.getMe, {});
  const { controlPlaneAddress } = context.profile;
  const { email = "", displayName = "", operator = false } = me.person ?? {};
  const memberships = me.memberships.map(({ project, role }) => `${idOf(project)} (${roleWord(role)})`);
  const rows = [
    ["email", email],
    ["name", displayName],
    ["operator", operator ? "yes" : "no"],
    ["projects", memberships.join(", ")],
    ["platform", controlPlaneAddress],
  ] as const;
  return { json: Me.toJSON(me), text: fieldsText(rows) };
}

function pathOf({ terminal }: Context, path: string): string {
  return path === "-" ? path : resolve(terminal.cwd, path);
}
