import { fieldsText, tableText } from "./table.ts";

/** What a command says: one JSON document, or text for people. */
export interface Answer {
  json: unknown;
  text: string;
  /** What somebody else's program answered, to be written as it is; otherwise control characters are replaced. */
  isVerbatim?: boolean;
  /** When what was asked for was done and yet did not succeed. */
  exitCode?: number;
}

/** How a resource is shown: as JSON, and as named cells. */
export interface View<Message> {
  json(message: Message): unknown;
  cells: Readonly<Record<string, (message: Message) => Cell>>;
}

export type Cell = string | number | boolean | Date | readonly string[] | undefined;

export function one<Message>(view: View<Message>, message: Message): Answer {
  const rows = Object.entries(view.cells).map(([name, cell]) => [name, cellText(cell(message))] as const);
  return { json: view.json(message), text: fieldsText(rows) };
}

/** A list under its plural name. */
export function many<Message>(view: View<Message>, plural: string, messages: readonly Message[]): Answer {
  const cells = Object.entries(view.cells);
  const rows = messages.map((message) => cells.map(([, cell]) => cellText(cell(message))));
  return {
    json: { [plural]: messages.map((message) => view.json(message)) },
    text:
      messages.length === 0
        ? `no ${plural}`
        : tableText(
            cells.map(([name]) => name),
            rows,
          ),
  };
}

export function done(json: object, text: string): Answer {
  return { json, text };
}

function cellText(cell: Cell): string {
  if (cell === undefined) return "";
  if (cell instanceof Date) return cell.toISOString().replace(/\.\d+Z$/, "Z");
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  return Array.isArray(cell) ? cell.join(", ") : String(cell);
}

/** The last part of a resource's name. */
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
