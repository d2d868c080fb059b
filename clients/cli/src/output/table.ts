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

export function fieldsText(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name.padEnd(width)}${GAP}${printable(value)}`)
    .join("\n");
}

/** Control characters that came from a server must not steer the terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => (character === "\t" ? " " : "\ufffd"));
}
