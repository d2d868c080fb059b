import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { SOURCES_LIMITS } from "../limits.ts";
import { COLUMN, GENERATED_COLUMN, GENERATED_LINE, LINE, MappingReader, NAME, SOURCE } from "./mapping-reader.ts";

// Node keeps a source map, once it is needed, as an object for each of its mappings: seventeen times the size of the map, in the function's
// own heap. Here a mark is kept for every so many mappings, and what lies between two marks is read from the file when it is asked for.
//
//   the file   {… "mappings": "AAAA,CAAC;…  …  …" …}
//   marks                      0    1    2         where the file goes on, and the mapping before, on which those after it build

/** Lines and columns from 0. */
export interface SourcePlace {
  source: string;
  line: number;
  column: number;
  /** What the thing there is called in the source; empty when that is not known. */
  name: string;
}

const KEY = Buffer.from('"mappings": "');
const QUOTE = 0x22;
/** An offset in the file, and the words of a saved mapping. */
const MARK_WORDS = 1 + MappingReader.SAVED_WORDS;

/** The map that the bundler writes beside the bundle. */
export class SourceMap {
  readonly #file: string;
  readonly #sources: readonly string[];
  readonly #names: readonly string[];
  readonly #marks: Int32Array;
  readonly #endsAt: number;
  readonly #kept = new Map<string, SourcePlace | null>();

  /** Null when there is none that can be read. */
  static read(file: string): SourceMap | null {
    try {
      return new SourceMap(file, readFileSync(file));
    } catch {
      return null;
    }
  }

  private constructor(file: string, bytes: Buffer) {
    const from = bytes.indexOf(KEY) + KEY.length;
    const to = bytes.indexOf(QUOTE, from);
    const { sources, names } = JSON.parse(bytes.toString("utf8", 0, from) + bytes.toString("utf8", to)) as {
      sources: string[];
      names: string[];
    };
    this.#file = file;
    // Maps of uploads that were bundled before may name files above the upload.
    this.#sources = sources.map((source) => source.replace(/^(?:\.\.\/)+/, ""));
    this.#names = names;
    this.#endsAt = to;
    this.#marks = markMappings(bytes.subarray(0, to), from);
  }

  /** Where the code at a place of the bundle was written; null where the bundler has put something of its own. */
  find(line: number, column: number): SourcePlace | null {
    const key = `${line}:${column}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    if (this.#kept.size >= SOURCES_LIMITS.placesMax) this.#kept.clear();
    const place = this.#lookUp(line, column);
    this.#kept.set(key, place);
    return place;
  }

  #lookUp(line: number, column: number): SourcePlace | null {
    const mark = this.#lastMarkUpTo(line, column);
    if (mark === -1) return null;
    const reader = this.#readerAt(mark);
    let place = this.#placeOf(reader, line);
    while (reader.next() && !reader.isBehind(line, column)) place = this.#placeOf(reader, line);
    return place;
  }

  #placeOf({ mapping, hasSource, hasName }: MappingReader, line: number): SourcePlace | null {
    if (!hasSource || mapping[GENERATED_LINE] !== line) return null;
    return {
      source: this.#sources[mapping[SOURCE]!] ?? "",
      line: mapping[LINE]!,
      column: mapping[COLUMN]!,
      name: (hasName && this.#names[mapping[NAME]!]) || "",
    };
  }

  /** -1 when all are behind the place. */
  #lastMarkUpTo(line: number, column: number): number {
    let found = -1;
    for (let end = this.#marks.length / MARK_WORDS; end - found > 1; ) {
      const middle = (found + end) >> 1;
      const at = middle * MARK_WORDS + 1;
      const markLine = this.#marks[at + GENERATED_LINE]!;
      const isUpTo = markLine < line || (markLine === line && this.#marks[at + GENERATED_COLUMN]! <= column);
      if (isUpTo) found = middle;
      else end = middle;
    }
    return found;
  }

  /** Stands on the mapping of the mark, and ends at the next mark. */
  #readerAt(mark: number): MappingReader {
    const at = mark * MARK_WORDS;
    const from = this.#marks[at]!;
    const bytes = Buffer.alloc((this.#marks[at + MARK_WORDS] ?? this.#endsAt) - from);
    const descriptor = openSync(this.#file, "r");
    try {
      readSync(descriptor, bytes, 0, bytes.length, from);
    } finally {
      closeSync(descriptor);
    }
    const reader = new MappingReader(bytes, 0);
    reader.restore(this.#marks.subarray(at + 1, at + MARK_WORDS));
    return reader;
  }
}

function markMappings(bytes: Buffer, from: number): Int32Array {
  const marks: number[] = [];
  const reader = new MappingReader(bytes, from);
  for (let count = 0; reader.next(); count++) {
    if (count % SOURCES_LIMITS.mappingsPerMark === 0) marks.push(reader.at, ...reader.save());
  }
  return Int32Array.from(marks);
}
