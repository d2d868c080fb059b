import { readDescriptorSet } from "@millrace/proto/descriptors";
import type { RpcClient } from "@millrace/rpc";
import { Bridge } from "./bridge/bridge-http.ts";
import { readCatalogue } from "./bridge/catalogue.ts";
import { PeerClient } from "./bridge/peer-client.ts";
import type { Exchange } from "./http/exchange.ts";
import { routeNotFound } from "./http/http-refusal.ts";
import type { Origins } from "./sessions/credential.ts";
import { serveSession } from "./sessions/session-http.ts";
import { PlatformHealth } from "./status/health.ts";
import { StatusPage } from "./status/status-http.ts";

export interface AppDeps {
  controlPlane: RpcClient;
  auth: RpcClient;
  gatewayUrl: URL;
  origins: Origins;
  /** Defaults to the platform's own protos. */
  descriptorSet?: Uint8Array;
}

export interface App {
  handle(exchange: Exchange): Promise<void>;
}

export function buildApp({ controlPlane, auth, gatewayUrl, origins, descriptorSet }: AppDeps): App {
  const bridge = new Bridge({
    catalogue: readCatalogue(descriptorSet ?? readDescriptorSet()),
    peers: new PeerClient({ "control-plane": controlPlane, auth }),
    origins,
  });
  const status = new StatusPage({ health: new PlatformHealth({ controlPlane, auth, gatewayUrl }), gatewayUrl });
  return {
    async handle(exchange) {
      if (exchange.path === "/") return status.page(exchange);
      if (exchange.path === "/console.css") return status.style(exchange);
      if (exchange.path === "/session") return serveSession(exchange, { auth, origins });
      if (exchange.path === "/api" || exchange.path === "/api/") return bridge.list(exchange);
      if (exchange.path.startsWith("/api/")) return bridge.call(exchange);
      throw routeNotFound("There is nothing here; the page is at / and the API at /api.");
    },
  };
}
