import { PlatformError } from "@millrace/errors";
import { Member, MemberServiceService } from "@millrace/proto/auth/v1/members";
import { Role } from "@millrace/proto/auth/v1/people";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { done, many, one, type View } from "../output/answer.ts";

const ROLES = { owner: Role.OWNER, developer: Role.DEVELOPER, viewer: Role.VIEWER } as const;
type RoleWord = keyof typeof ROLES;

export function roleWord(role: Role): string {
  return Object.keys(ROLES).find((word) => ROLES[word as RoleWord] === role) ?? "none";
}

const view: View<Member> = {
  json: Member.toJSON,
  cells: {
    email: ({ email }) => email,
    name: ({ displayName }) => displayName,
    role: ({ role }) => roleWord(role),
    since: ({ createdAt }) => createdAt,
  },
};

const roleOption = () =>
  new Option("--role <role>", "viewers look, developers also change and release, owners also say who is a member")
    .choices(Object.keys(ROLES))
    .makeOptionMandatory();

export function registerMember(registry: Registry): void {
  registry
    .noun("member", "people of a project")
    .command<{ role: RoleWord }>({
      usage: "add <email>",
      description: "add a person",
      options: [roleOption()],
      async run({ call, project }, [email = ""], { role }) {
        const request = { parent: project, email, role: ROLES[role] };
        return one(view, await call(MemberServiceService.addMember, request));
      },
    })
    .command({
      usage: "list",
      description: "list the members",
      run: async (context) => many(view, "members", await members(context)),
    })
    .command<{ role: RoleWord }>({
      usage: "update <email>",
      description: "give a member another role",
      options: [roleOption()],
      async run(context, [email = ""], { role }) {
        const { name, etag } = await memberByEmail(context, email);
        return one(view, await context.call(MemberServiceService.updateMember, { name, role: ROLES[role], etag }));
      },
    })
    .command({
      usage: "remove <email>",
      description: "take a member out of the project",
      async run(context, [email = ""]) {
        const { name, etag } = await memberByEmail(context, email);
        await context.call(MemberServiceService.removeMember, { name, etag });
        return done({ deleted: name }, `removed ${email}`);
      },
    });
}

function members({ listAll, project }: Context): Promise<Member[]> {
  const request = { parent: project, pageSize: 0, pageToken: "" };
  return listAll(MemberServiceService.listMembers, request, (page) => page.members);
}

async function memberByEmail(context: Context, email: string): Promise<Member> {
  const found = (await members(context)).find((member) => member.email.toLowerCase() === email.toLowerCase());
  if (found) return found;
  throw new PlatformError("not_found", `${email} is no member of ${context.project}.`, { reason: "member_not_found" });
}
