import { readFileSync } from "node:fs";
import { listProjects } from "./list-projects.ts";

// node examples/grpc-client/src/main.ts .millrace/platform.json
const { controlPlaneAddress, adminToken } = JSON.parse(readFileSync(process.argv[2]!, "utf8"));
for (const name of await listProjects(controlPlaneAddress, adminToken)) console.log(name);
