import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Spectral } from "@stoplight/spectral-core";
import { oas } from "@stoplight/spectral-rulesets";
import { parse } from "yaml";
import { writeDocument } from "./document-text.ts";
import type { Exported } from "./export-document.ts";
import { revisionOf, roundTrip } from "./round-trip-fixture.ts";

// Redocly's recommended rules and Spectral's for OpenAPI; what they call an error is one.

const redocly = await createConfig({ extends: ["recommended"] });
const spectral = new Spectral();
spectral.setRuleset({ extends: [oas] } as Parameters<Spectral["setRuleset"]>[0]);

async function errorsIn(apis: Exported["apis"]): Promise<string[]> {
  const source = await writeDocument(revisionOf(apis), "yaml");
  const ofRedocly = await lintFromString({ source, absoluteRef: "openapi.yaml", config: redocly });
  const ofSpectral = await spectral.run(parse(source) as Record<string, unknown>);
  return [
    ...ofRedocly
      .filter(({ severity }) => severity === "error")
      .map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer}: ${message}`),
    ...ofSpectral
      .filter(({ severity }) => severity === 0)
      .map(({ code, path, message }) => `${code} ${path.join("/")}: ${message}`),
  ];
}

const corpus = new URL("./corpus/", import.meta.url);

for (const name of readdirSync(corpus)) {
  test(`linters find no error in the export of ${name}`, async () => {
    const { apis } = roundTrip(parse(readFileSync(new URL(name, corpus), "utf8")));
    assert.deepEqual(await errorsIn(apis), []);
  });
}

test("linters find no error in the export of a revision without APIs", async () => {
  assert.deepEqual(await errorsIn([]), []);
});
