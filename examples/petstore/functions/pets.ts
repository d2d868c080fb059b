export interface Pet {
  id: number;
  name: string;
  kind: "dog" | "cat" | "hamster";
  status: "available" | "reserved" | "sold";
}

/** What the store holds when it opens. A function keeps nothing between calls that it may rely on; a real store has a database. */
export const PETS: readonly Pet[] = [
  { id: 1, name: "Rex", kind: "dog", status: "available" },
  { id: 2, name: "Mimi", kind: "cat", status: "reserved" },
  { id: 3, name: "Nibbles", kind: "hamster", status: "available" },
];

export const KINDS: readonly string[] = ["dog", "cat", "hamster"];

/** The part of an API's event that these functions read. */
export interface ApiEvent {
  detail: {
    pathParameters: Record<string, string>;
    body: string;
  };
}

export function json(statusCode: number, value: unknown) {
  return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}
