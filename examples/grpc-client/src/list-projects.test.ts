import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata, Server, ServerCredentials, type ServiceError, status } from "@grpc/grpc-js";
import { Project, type ProjectServiceServer, ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { listProjects } from "./list-projects.ts";

const TOKEN = "a-token";

test("the client lists projects with its bearer token, and is refused without a good one", async (t) => {
  const server = new Server();
  const unimplemented = () => {};
  const service: ProjectServiceServer = {
    createProject: unimplemented,
    getProject: unimplemented,
    getQuotas: unimplemented,
    updateProject: unimplemented,
    deleteProject: unimplemented,
    listProjects(call, answer) {
      if (call.metadata.get("authorization")[0] === `Bearer ${TOKEN}`) {
        const projects = ["projects/shop", "projects/store"].map((name) => Project.create({ name }));
        answer(null, { projects, nextPageToken: "" });
      } else {
        answer({ code: status.UNAUTHENTICATED, details: "The token is not valid.", metadata: new Metadata() });
      }
    },
  };
  server.addService(ProjectServiceService, service);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
  t.after(() => server.forceShutdown());
  assert.deepEqual(await listProjects(`127.0.0.1:${port}`, TOKEN), ["projects/shop", "projects/store"]);
  await assert.rejects(
    listProjects(`127.0.0.1:${port}`, "another"),
    (error: ServiceError) => error.code === status.UNAUTHENTICATED,
  );
});
