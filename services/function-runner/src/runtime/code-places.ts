import { pathToFileURL } from "node:url";
import { ENTRY_FILE, SOURCE_MAP_FILE } from "../artifacts/artifact-format.ts";
import { SourceMap, type SourcePlace } from "./source-map.ts";

const STACK_LINE = /^\s*at /;
/** A line and a column from 1, as stacks have them. */
const PLACE = `${literal(ENTRY_FILE)}:(\\d+):(\\d+)`;
const OWN_URL = new URL(".", import.meta.url).href;
const OWN_FOLDER = `${import.meta.dirname}/`;

/** Writes places in the bundle as the places in the user's own files that they come from, and no folder of the sandbox at all. */
export class CodePlaces {
  readonly #folder: string;
  readonly #prefixes: readonly string[];
  readonly #place: RegExp;
  readonly #mapFile: string;
  #map: SourceMap | null | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    this.#prefixes = [`${pathToFileURL(folder).href}/`, `${folder}/`];
    this.#place = new RegExp(`(?:${this.#prefixes.map((prefix) => literal(prefix)).join("|")})${PLACE}`, "g");
    this.#mapFile = `${folder}/${SOURCE_MAP_FILE}`;
  }

  /** For any text that is shown to somebody. Lines of a stack that stand for the platform or the bundler help nobody who reads it. */
  readable(text: string): string {
    if (!text.includes(this.#folder) && !text.includes(this.#prefixes[0]!) && !text.includes(OWN_FOLDER)) return text;
    const lines = text.split("\n").filter((line) => !STACK_LINE.test(line) || this.#isForReaders(line));
    const mapped = lines.join("\n").replace(this.#place, (whole, ...place) => this.#origin(place) ?? whole);
    return this.#prefixes.reduce((shorter, prefix) => shorter.replaceAll(prefix, ""), mapped);
  }

  /** What `stack` is for an error of this thread, unless the function's own code says otherwise. */
  stackOf(error: Error, sites: readonly NodeJS.CallSite[]): string {
    const shown = this.#withoutWayIn(sites);
    const lines = shown.map((site, at) => `    at ${this.#namedSite(site, sites[at + 1])}`);
    return this.readable([headOf(error), ...lines].join("\n"));
  }

  /** How the platform came to call the function is of no interest. */
  #withoutWayIn(sites: readonly NodeJS.CallSite[]): readonly NodeJS.CallSite[] {
    const last = sites.findLastIndex((site) => site.getFileName()?.startsWith(this.#prefixes[0]!));
    const isOurs = (site: NodeJS.CallSite) => site.getFileName()?.startsWith(OWN_URL);
    return last !== -1 && sites.slice(last).some(isOurs) ? sites.slice(0, last + 1) : sites;
  }

  #isForReaders(line: string): boolean {
    if (line.includes(OWN_FOLDER)) return false;
    const [place] = line.matchAll(this.#place);
    return !place || this.#sourceMap === null || this.#origin(place.slice(1)) !== null;
  }

  #origin([line, column]: unknown[]): string | null {
    const origin = this.#find(Number(line), Number(column));
    return origin && `${origin.source}:${origin.line + 1}:${origin.column + 1}`;
  }

  /** Code that came minified has lost its names; who calls a function by its name has the name in the map. */
  #namedSite(site: NodeJS.CallSite, caller: NodeJS.CallSite | undefined): string {
    const text = String(site);
    const given = site.getFunctionName();
    if (!given || !caller || caller.getFileName() !== site.getFileName()) return text;
    const name = this.#isInBundle(caller) && this.#find(caller.getLineNumber()!, caller.getColumnNumber()!)?.name;
    return name ? text.replace(given, name) : text;
  }

  #isInBundle(site: NodeJS.CallSite): boolean {
    return site.getFileName() === this.#prefixes[0] + ENTRY_FILE;
  }

  #find(line: number, column: number): SourcePlace | null {
    return this.#sourceMap?.find(line - 1, column - 1) ?? null;
  }

  get #sourceMap(): SourceMap | null {
    this.#map ??= SourceMap.read(this.#mapFile);
    return this.#map;
  }
}

function headOf(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "Error";
  }
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
