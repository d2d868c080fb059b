import { credentials, Metadata } from "@grpc/grpc-js";
import { type ListProjectsResponse, ProjectServiceClient } from "@millrace/proto/control/v1/projects";

/** Lists the projects that the bearer of a token may see: `listProjects("127.0.0.1:50051", token)`. */
export function listProjects(address: string, token: string): Promise<string[]> {
  const client = new ProjectServiceClient(address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return new Promise((resolve, reject) => {
    client.listProjects(
      { pageSize: 50, pageToken: "" },
      metadata,
      { deadline: Date.now() + 5_000 },
      (error, answer?: ListProjectsResponse) => {
        client.close();
        if (error) reject(error);
        else resolve(answer!.projects.map(({ name }) => name));
      },
    );
  });
}
