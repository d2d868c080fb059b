import type { ArrayFormat } from "../apis/api.ts";
import { defaultFormatIn } from "../apis/parameter-draft.ts";
import type { Located } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";

// How the items of an array stand in a request, in the words of OpenAPI's versions.

interface Formatted extends Located {
  type: string;
  report: ImportReport;
}

const COLLECTIONS: Readonly<Record<string, ArrayFormat>> = {
  csv: "comma",
  multi: "repeated",
  ssv: "space",
  pipes: "pipe",
};

/** `collectionFormat` of OpenAPI 2.0. */
export function formatOfCollection({ value, pointer, type, report }: Formatted): ArrayFormat | "" {
  const { collectionFormat = "csv" } = value;
  const at = pointerTo(pointer, "collectionFormat");
  if (type !== "array") {
    if (value.collectionFormat !== undefined) report.drop(at, "it is of arrays only");
    return "";
  }
  const key = String(collectionFormat);
  const format = Object.hasOwn(COLLECTIONS, key) ? COLLECTIONS[key] : undefined;
  if (format !== undefined && (value.in === "query" || format === "comma")) return format;
  report.drop(at, `there is no such form in ${value.in}`, "use csv");
  return "comma";
}

const STYLES: Readonly<Record<string, ArrayFormat>> = {
  form: "comma",
  spaceDelimited: "space",
  pipeDelimited: "pipe",
};

/** `style` and `explode` of OpenAPI 3. */
export function formatOfStyle({ value, pointer, type, report }: Formatted): ArrayFormat | "" {
  const location = String(value.in);
  const usual = location === "query" ? "form" : "simple";
  const { style = usual } = value;
  const { explode = style === "form" } = value;
  const at = (key: string) => pointerTo(pointer, key);
  const isKnown = style === usual || (location === "query" && type === "array" && Object.hasOwn(STYLES, String(style)));
  if (!isKnown)
    report.drop(at("style"), `in ${location} a parameter of type ${type} has the style ${usual}`, `use ${usual}`);
  if (type === "array" && location === "query") {
    if (isKnown) return explode === true ? "repeated" : STYLES[String(style)]!;
    if (value.explode !== undefined) report.drop(at("explode"), "the style is not carried either");
    return "repeated";
  }
  if (value.explode !== undefined && value.explode !== (style === "form")) {
    report.drop(at("explode"), `in ${location} it changes nothing for the type ${type}`);
  }
  return type === "array" ? defaultFormatIn(location) : "";
}

/** What says the same in OpenAPI 3.1; nothing where it is the default. */
export function styleOf(format: ArrayFormat | "", location: string): { style?: string; explode?: boolean } {
  if (format === "" || format === defaultFormatIn(location)) return {};
  if (format === "comma") return { style: "form", explode: false };
  return { style: format === "space" ? "spaceDelimited" : "pipeDelimited", explode: false };
}
