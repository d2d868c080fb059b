import { checkId, formatName, parseName } from "@millrace/names";
import {
  CreateProjectRequest,
  type Project as ProjectMessage,
  type ProjectServiceService,
} from "@millrace/proto/control/v1/projects";
import { etagOf, type HandlersOf, onceOf, pageOf, pageSizeOf, requirePerson } from "@millrace/rpc";
import { textAfter } from "../requests/paging.ts";
import type { Project } from "./project.ts";
import type { ProjectService } from "./project-service.ts";

export function projectHandlers(projects: ProjectService): HandlersOf<typeof ProjectServiceService> {
  return {
    async createProject(request, context) {
      const person = requirePerson(context.principal);
      const id = checkId("project", request.projectId, "project_id");
      return toMessage(
        await projects.create(id, request.displayName, person, onceOf(context, request, CreateProjectRequest)),
      );
    },
    async getProject({ name }) {
      return toMessage(await projects.get(parseName("project", name).project));
    },
    async getQuotas({ name }) {
      return { quotas: await projects.quotas(parseName("project", name).project) };
    },
    async listProjects({ pageSize, pageToken }, { principal }) {
      const person = requirePerson(principal);
      const scope = `projects ${person.name}`;
      const size = pageSizeOf(pageSize);
      const after = textAfter(scope, pageToken);
      const { page, nextPageToken } = pageOf(await projects.list(person, after, size + 1), size, scope, ({ id }) => [
        id,
      ]);
      return { projects: page.map(toMessage), nextPageToken };
    },
    async updateProject({ name, displayName, etag }) {
      return toMessage(await projects.update(parseName("project", name).project, displayName, etag));
    },
    async deleteProject({ name, etag }) {
      await projects.delete(parseName("project", name).project, etag);
      return {};
    },
  };
}

function toMessage(project: Project): ProjectMessage {
  return {
    name: formatName("project", { project: project.id }),
    displayName: project.displayName,
    createdAt: project.createdAt,
    updatedAt: project.updatedAt,
    etag: etagOf(project.version),
  };
}
