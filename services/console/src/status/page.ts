import type { ComponentHealth } from "./health.ts";

const WHAT_IT_DOES: Record<string, string> = {
  gateway: "takes callers' requests",
  "control-plane": "keeps functions, API groups and releases",
  auth: "keeps people, keys and authorisations",
};

/** The page at `/`. It shows nothing that needs a sign-in. */
export function statusPage(health: readonly ComponentHealth[], gatewayUrl: URL): string {
  const down = health.filter(({ up }) => !up);
  const headline = down.length === 0 ? "The platform is up" : `${down.length} of ${health.length} parts do not answer`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace: ${headline}</title>
<link rel="stylesheet" href="/console.css">
</head>
<body>
<header><p class="brand">Millrace</p><p>An API gateway whose backends are functions</p></header>
<main>
<h1 class="${down.length === 0 ? "up" : "down"}">${headline}</h1>
<table>
<caption>Parts of the platform</caption>
<thead><tr><th scope="col">Part</th><th scope="col">What it does</th><th scope="col">State</th></tr></thead>
<tbody>
${health.map(row).join("\n")}
</tbody>
</table>
<h2>Where to go</h2>
<ul>
<li><a href="/api">API list</a>: every operation, as <code>POST /api/{service}/{method}</code> with JSON and a bearer token</li>
<li><a href="${escapeHtml(gatewayUrl.href)}">${escapeHtml(gatewayUrl.href)}</a>: the gateway, where released APIs are called</li>
</ul>
<h2>From the command line</h2>
<pre><code>npx millrace login
npx millrace deploy examples/hello
npx millrace --help</code></pre>
</main>
</body>
</html>
`;
}

function row({ name, up }: ComponentHealth): string {
  const state = up ? '<td class="up">up</td>' : '<td class="down">does not answer</td>';
  return `<tr><th scope="row">${name}</th><td>${WHAT_IT_DOES[name] ?? ""}</td>${state}</tr>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
