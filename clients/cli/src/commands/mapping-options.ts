import { invalidFields } from "@millrace/errors";
import { BackendRequest, ParameterLocation } from "@millrace/proto/control/v1/apis";
import { Option } from "commander";

// What an http backend is asked instead of what the caller asked, as the options of a command name it.

export interface MappingOptions {
  backendMethod?: string;
  backendPath?: string;
  map?: string[];
  constant?: string[];
}

export const mappingOptions = (): Option[] => [
  new Option("--backend-method <method>", "what the http backend is asked with (default: the caller's)"),
  new Option("--backend-path <path>", "stands behind the backend's URL in place of --path, e.g. /items/{petId}"),
  new Option("--map <from=to...>", "moves a parameter: query.limit=header.X-Limit, path.petId=query.id …"),
  new Option("--constant <to=value...>", "what each request carries: header.X-Source=shop, query.v=2 …"),
];

const LOCATIONS: Readonly<Record<string, ParameterLocation>> = {
  path: ParameterLocation.PATH,
  query: ParameterLocation.QUERY,
  header: ParameterLocation.HEADER,
};

/** What the options make of the request before; they replace what they name. */
export function backendRequestOf(
  options: MappingOptions,
  before: BackendRequest | undefined,
): BackendRequest | undefined {
  const { backendMethod: method, backendPath: path, map, constant } = options;
  if (method === undefined && path === undefined && map === undefined && constant === undefined) return before;
  return {
    ...(before ?? BackendRequest.create()),
    ...(method !== undefined && { method }),
    ...(path !== undefined && { path }),
    ...(map && { parameters: map.map(parameterOf) }),
    ...(constant && { constants: constant.map(constantOf) }),
  };
}

function parameterOf(text: string) {
  const [from, to] = halvesOf(text, "--map", "from=to");
  const { location, name } = placeOf(from, "--map");
  const { location: backendLocation, name: backendName } = placeOf(to, "--map");
  return { location, name, backendLocation, backendName };
}

function constantOf(text: string) {
  const [to, value] = halvesOf(text, "--constant", "to=value");
  return { ...placeOf(to, "--constant"), value };
}

function halvesOf(text: string, option: string, form: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw invalidFields([{ field: option, description: `must be ${form}` }]);
  return [text.slice(0, at), text.slice(at + 1)];
}

function placeOf(text: string, option: string): { location: ParameterLocation; name: string } {
  const dot = text.indexOf(".");
  const location = LOCATIONS[text.slice(0, dot)];
  if (dot > 0 && location !== undefined) return { location, name: text.slice(dot + 1) };
  throw invalidFields([
    { field: option, description: `names ${text}; a place is path.name, query.name or header.name` },
  ]);
}
