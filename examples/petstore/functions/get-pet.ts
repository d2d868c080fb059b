import { type ApiEvent, json, PETS } from "./pets.ts";

export async function handler(event: ApiEvent) {
  const { petId } = event.detail.pathParameters;
  const pet = PETS.find(({ id }) => id === Number(petId));
  console.log(pet ? `found ${pet.name}` : `there is no pet ${petId}`);
  return pet ? json(200, pet) : json(404, { message: `There is no pet ${petId}.` });
}
