import { randomUUID } from "node:crypto";
import { Project, ProjectServiceService, Quota } from "@millrace/proto/control/v1/projects";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import { done, idOf, many, one, type View } from "../output/answer.ts";

const view: View<Project> = {
  json: Project.toJSON,
  cells: {
    id: ({ name }) => idOf(name),
    "display name": ({ displayName }) => displayName,
    created: ({ createdAt }) => createdAt,
  },
};

const quotaView: View<Quota> = {
  json: Quota.toJSON,
  cells: {
    quota: ({ name }) => name,
    used: ({ used }) => used,
    limit: ({ limit }) => limit,
    fullest: ({ of }) => of,
  },
};

export function registerProject(registry: Registry): void {
  registry
    .noun("project", "tenants, which own functions, API groups and keys")
    .command<{ displayName?: string }>({
      usage: "create <id>",
      description: "make a project and become its owner",
      options: [new Option("--display-name <name>", "name for people")],
      async run({ call }, [projectId = ""], { displayName = "" }) {
        const request = { projectId, displayName, requestId: randomUUID() };
        return one(view, await call(ProjectServiceService.createProject, request));
      },
    })
    .command({
      usage: "list",
      description: "list the projects that you are a member of",
      async run({ listAll }) {
        const request = { pageSize: 0, pageToken: "" };
        return many(
          view,
          "projects",
          await listAll(ProjectServiceService.listProjects, request, (page) => page.projects),
        );
      },
    })
    .command({
      usage: "get <id>",
      description: "show a project",
      async run({ call }, [id]) {
        return one(view, await call(ProjectServiceService.getProject, { name: `projects/${id}` }));
      },
    })
    .command({
      usage: "quotas <id>",
      description: "show what a project may own, and what it owns",
      async run({ call }, [id]) {
        const { quotas } = await call(ProjectServiceService.getQuotas, { name: `projects/${id}` });
        return many(quotaView, "quotas", quotas);
      },
    })
    .command({
      usage: "delete <id>",
      description: "delete an empty project",
      async run({ call }, [id]) {
        const name = `projects/${id}`;
        await call(ProjectServiceService.deleteProject, { name, etag: "" });
        return done({ deleted: name }, `deleted ${name}`);
      },
    });
}
