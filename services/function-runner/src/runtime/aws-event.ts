import type { Invoke, RouteConstants } from "@millrace/frames";
import { bodyText, flatToObject, groupValues, headerMaps, mapValues, readTarget } from "./request-parts.ts";

/** AWS' proxy event, payload format 1.0. Empty maps are null there. */
export function awsEvent1(invoke: Invoke, route: RouteConstants, body: Uint8Array): object {
  const target = readTarget(invoke.target);
  const headers = headerMaps(invoke.headers);
  const query = awsQuery(target.pairs);
  const { text, isBase64Encoded } = bodyText(body, headers.joined["content-type"]);
  const now = new Date();
  return {
    version: "1.0",
    resource: route.resource,
    path: target.path,
    httpMethod: invoke.method,
    headers: mapValues(headers.all, (values, name) => (name === "cookie" ? values.join("; ") : values.at(-1)!)),
    multiValueHeaders: headers.all,
    queryStringParameters: orNull(mapValues(query, (values) => values.at(-1)!)),
    multiValueQueryStringParameters: orNull(query),
    pathParameters: orNull(flatToObject(invoke.pathParameters)),
    stageVariables: null,
    requestContext: {
      ...commonContext(invoke, route, headers.joined.host),
      httpMethod: invoke.method,
      identity: {
        accessKey: invoke.identity.keyId || null,
        accountId: invoke.identity.accountId || null,
        caller: null,
        sourceIp: invoke.sourceIp,
        user: invoke.identity.accountId || null,
        userAgent: headers.joined["user-agent"] ?? null,
        userArn: null,
      },
      path: target.path,
      protocol: invoke.protocol,
      resourceId: route.apiName,
      resourcePath: route.resource,
      requestTime: now.toUTCString(),
      requestTimeEpoch: now.getTime(),
    },
    body: text === "" ? null : text,
    isBase64Encoded,
  };
}

/** AWS' proxy event, payload format 2.0. Several values are joined by a comma there, and cookies stand apart. */
export function awsEvent2(invoke: Invoke, route: RouteConstants, body: Uint8Array): object {
  const target = readTarget(invoke.target);
  const headers = headerMaps(invoke.headers);
  const { cookie, ...otherHeaders } = headers.joined;
  const { text, isBase64Encoded } = bodyText(body, headers.joined["content-type"]);
  const query = mapValues(awsQuery(target.pairs), (values) => values.join(","));
  const pathParameters = flatToObject(invoke.pathParameters);
  const routeKey = `${invoke.method} ${route.resource}`;
  const now = new Date();
  return {
    version: "2.0",
    routeKey,
    rawPath: target.path,
    rawQueryString: target.raw,
    ...(cookie !== undefined && { cookies: cookie.split(/; */) }),
    headers: otherHeaders,
    ...(target.pairs.length > 0 && { queryStringParameters: query }),
    requestContext: {
      ...commonContext(invoke, route, headers.joined.host),
      http: {
        method: invoke.method,
        path: target.path,
        protocol: invoke.protocol,
        sourceIp: invoke.sourceIp,
        userAgent: headers.joined["user-agent"] ?? "",
      },
      routeKey,
      time: now.toUTCString(),
      timeEpoch: now.getTime(),
    },
    ...(invoke.pathParameters.length > 0 && { pathParameters }),
    ...(text !== "" && { body: text }),
    isBase64Encoded,
  };
}

function commonContext(invoke: Invoke, route: RouteConstants, host = "") {
  return {
    accountId: invoke.identity.accountId || "anonymous",
    apiId: route.apiUid,
    domainName: host,
    domainPrefix: route.hostLabel,
    extendedRequestId: invoke.requestId,
    requestId: invoke.requestId,
    stage: route.environment,
  };
}

/** AWS knows no name without a value: it reads as empty. */
function awsQuery(pairs: readonly [string, string | true][]): Record<string, string[]> {
  return groupValues(pairs.map(([name, value]): [string, string] => [name, value === true ? "" : value]));
}

function orNull<T extends object>(object: T): T | null {
  return Object.keys(object).length === 0 ? null : object;
}
