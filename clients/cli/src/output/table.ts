// Text for people: columns by width, no lines drawn, so that it can be cut and grepped.

const GAP = "  ";

export function tableText(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headers.map((header) => header.toUpperCase()), ...rows].map((row) => row.map(printable));
  const widths = headers.map((_, column) => Math.max(...lines.map((row) => (row[column] ?? "").length)));
  return lines
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join(GAP)
        .trimEnd(),
    )
    .join("\n");
}

/** Further lines of a value stand below its first. */
export function fieldsText(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .filter(([, value]) => value !== "")
    .map(([name, value]) => {
      const lines = value.trimEnd().split("\n").map(printable);
      return `${name.padEnd(width)}${GAP}${lines.join(`\n${" ".repeat(width)}${GAP}`)}`;
    })
    .join("\n");
}

/** Control characters that came from a server must not steer the terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => (character === "\t" ? " " : "\ufffd"));
}

/** As above for a text of several lines. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** JSON keeps some of them as they are. */
export function jsonText(value: unknown, indent?: number): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value, null, indent).replace(/[\u007f-\u009f]/g, escaped);
}
