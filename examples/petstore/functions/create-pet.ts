import { type ApiEvent, json, KINDS, PETS, type Pet } from "./pets.ts";

export async function handler(event: ApiEvent) {
  const { name, kind } = parse(event.detail.body);
  if (typeof name !== "string" || name === "") return json(400, { message: "name: a pet needs a name" });
  if (!KINDS.includes(kind as string)) return json(400, { message: `kind: must be one of ${KINDS.join(", ")}` });
  const pet: Pet = { id: PETS.length + 1, name, kind: kind as Pet["kind"], status: "available" };
  console.log(`welcome ${pet.name}`);
  return json(201, pet);
}

function parse(body: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(body));
  } catch {
    return {};
  }
}
