import { PlatformError } from "@millrace/errors";
import { InvitePersonResponse, PeopleServiceService, Person } from "@millrace/proto/auth/v1/people";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { many, one, type View } from "../output/answer.ts";
import { saveOnce, saveOption } from "./save-once.ts";

const view: View<Person> = {
  json: Person.toJSON,
  cells: {
    email: ({ email }) => email,
    name: ({ displayName }) => displayName,
    operator: ({ operator }) => operator,
    disabled: ({ disabled }) => disabled,
    since: ({ createdAt }) => createdAt,
  },
};

interface PersonChange {
  operator?: boolean;
  disabled?: boolean;
}

export function registerPerson(registry: Registry): void {
  registry
    .noun("person", "people of the platform (operators only)")
    .command<{ operator?: boolean; save?: string }>({
      usage: "invite <email>",
      description: "invite a person; the invitation's token is shown once and is valid for 7 days",
      options: [new Option("--operator", "as an operator"), saveOption()],
      async run(context, [email = ""], { operator = false, save }) {
        return saveOnce(context, save, async () => {
          const answer = await context.call(PeopleServiceService.invitePerson, { email, operator });
          const text = `invited ${email}; hand the token over; millrace login --invitation-file <file> accepts it`;
          return { json: InvitePersonResponse.toJSON(answer), text, secret: answer.invitationToken };
        });
      },
    })
    .command({
      usage: "list",
      description: "list all people",
      run: async (context) => many(view, "people", await people(context)),
    })
    .command<PersonChange>({
      usage: "update <email>",
      description: "change what a person may do",
      options: [
        new Option("--operator", "make an operator of it"),
        new Option("--no-operator", "make it no operator"),
        new Option("--disabled", "let it sign in no more"),
        new Option("--no-disabled", "let it sign in again"),
      ],
      async run(context, [email = ""], { operator, disabled }) {
        const found = (await people(context)).find((person) => person.email.toLowerCase() === email.toLowerCase());
        if (!found)
          throw new PlatformError("not_found", `There is no person ${email}.`, { reason: "person_not_found" });
        const { name, etag } = found;
        return one(view, await context.call(PeopleServiceService.updatePerson, { name, etag, operator, disabled }));
      },
    });
}

function people({ listAll }: Context): Promise<Person[]> {
  return listAll(PeopleServiceService.listPeople, { pageSize: 0, pageToken: "" }, (page) => page.people);
}
