import { readFileSync } from "node:fs";
import type { Exchange } from "../http/exchange.ts";
import { methodNotAllowed } from "../http/http-refusal.ts";
import type { PlatformHealth } from "./health.ts";
import { statusPage } from "./page.ts";

const STYLE_MAX_AGE_S = 300;

export interface StatusDeps {
  health: PlatformHealth;
  gatewayUrl: URL;
}

/** The page and its style sheet. */
export class StatusPage {
  readonly #deps: StatusDeps;
  readonly #style = readFileSync(new URL("./console.css", import.meta.url));

  constructor(deps: StatusDeps) {
    this.#deps = deps;
  }

  async page(exchange: Exchange): Promise<void> {
    requireRead(exchange);
    const html = statusPage(await this.#deps.health.read(), this.#deps.gatewayUrl);
    exchange.response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
  }

  style(exchange: Exchange): void {
    requireRead(exchange);
    const headers = { "content-type": "text/css; charset=utf-8", "cache-control": `max-age=${STYLE_MAX_AGE_S}` };
    exchange.response.writeHead(200, headers).end(this.#style);
  }
}

function requireRead({ method }: Exchange): void {
  if (method !== "GET" && method !== "HEAD") throw methodNotAllowed("GET, HEAD");
}
