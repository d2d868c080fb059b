// Finds the route of a method and a decoded path in a tree of segments. At each segment a literal beats a parameter, and a parameter beats
// a prefix that ends above it; where the better choice leads nowhere the next is tried. Each node of the tree is visited at most
// once, so a search takes no longer than the table is large, whatever the path.

export interface TableRoute {
  /** `GET`, `POST`, … */
  method: string;
  /** Decoded, beginning with a slash; a segment `{name}` is a parameter. */
  path: string;
  /** Matches everything below the path too. */
  prefixMatch: boolean;
}

export interface RouteMatch<R> {
  route: R;
  /** Flat: name, value; in the order of the path. */
  parameters: readonly string[];
}

interface Node<R> {
  literals: Map<string, Node<R>> | null;
  parameter: Node<R> | null;
  exact: Planted<R> | null;
  prefix: Planted<R> | null;
}

interface Planted<R> {
  route: R;
  names: readonly string[];
}

const PARAMETER = /^\{([^{}]+)\}$/;

export class RouteTable<R extends TableRoute> {
  readonly #roots = new Map<string, Node<R>>();

  /** Throws when two routes of a method match the same paths. */
  constructor(routes: readonly R[]) {
    for (const route of routes) this.#plant(route);
  }

  /** The best route, or null. HEAD falls back to GET. */
  find(method: string, path: string): RouteMatch<R> | null {
    return this.#find(method, path) ?? (method === "HEAD" ? this.#find("GET", path) : null);
  }

  /** The methods that have a route at the path, for `Allow`. */
  methodsAt(path: string): string[] {
    const methods = [...this.#roots.keys()].filter((method) => this.#find(method, path) !== null);
    if (methods.includes("GET") && !methods.includes("HEAD")) methods.push("HEAD");
    return methods.sort();
  }

  #find(method: string, path: string): RouteMatch<R> | null {
    const root = this.#roots.get(method);
    return root === undefined ? null : search(root, path, 0, []);
  }

  #plant(route: R): void {
    let node = childIn(this.#roots, route.method);
    const names: string[] = [];
    for (const segment of segmentsOf(route.path)) {
      const name = PARAMETER.exec(segment)?.[1];
      if (name !== undefined) names.push(name);
      node = name === undefined ? literalOf(node, segment) : parameterOf(node);
    }
    const place = route.prefixMatch ? "prefix" : "exact";
    if (node[place]) throw new Error(`two routes match ${route.method} ${route.path}`);
    node[place] = { route, names };
  }
}

/** The segments after the first slash; none for `/`. A trailing slash is an empty last segment. */
function segmentsOf(path: string): string[] {
  if (!path.startsWith("/")) throw new Error(`a route's path begins with a slash: ${path}`);
  return path === "/" ? [] : path.slice(1).split("/");
}

/** `at` is where the slash before the next segment stands, or the end of the path. */
function search<R>(node: Node<R>, path: string, at: number, values: string[]): RouteMatch<R> | null {
  if (at === path.length || path === "/") {
    if (node.exact) return matchOf(node.exact, values);
  } else {
    const next = path.indexOf("/", at + 1);
    const end = next === -1 ? path.length : next;
    const segment = path.slice(at + 1, end);
    const literal = node.literals?.get(segment);
    const match = literal === undefined ? null : search(literal, path, end, values);
    if (match) return match;
    // A parameter is never empty.
    if (node.parameter && segment !== "") {
      values.push(segment);
      const parametric = search(node.parameter, path, end, values);
      if (parametric) return parametric;
      values.pop();
    }
  }
  return node.prefix ? matchOf(node.prefix, values) : null;
}

function matchOf<R>({ route, names }: Planted<R>, values: readonly string[]): RouteMatch<R> {
  const parameters: string[] = [];
  for (let at = 0; at < names.length; at++) parameters.push(names[at]!, values[at]!);
  return { route, parameters };
}

function emptyNode<R>(): Node<R> {
  return { literals: null, parameter: null, exact: null, prefix: null };
}

function childIn<R>(nodes: Map<string, Node<R>>, name: string): Node<R> {
  const child = nodes.get(name) ?? emptyNode<R>();
  nodes.set(name, child);
  return child;
}

function literalOf<R>(node: Node<R>, segment: string): Node<R> {
  node.literals ??= new Map();
  return childIn(node.literals, segment);
}

function parameterOf<R>(node: Node<R>): Node<R> {
  node.parameter ??= emptyNode();
  return node.parameter;
}
