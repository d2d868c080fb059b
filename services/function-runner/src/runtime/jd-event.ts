import type { Invoke, RouteConstants } from "@millrace/frames";
import { bodyText, flatToObject, groupValues, headerMaps, mapValues, readTarget } from "./request-parts.ts";

/**
 * JD Cloud's API-gateway event, with members that theirs lacks: isBase64Encoded, rawQueryString, the multi-value maps, and protocol,
 * host, groupId, apiName, revision of the request context.
 */
export function jdEvent(invoke: Invoke, route: RouteConstants, body: Uint8Array): object {
  const target = readTarget(invoke.target);
  const headers = headerMaps(invoke.headers);
  const { text, isBase64Encoded } = bodyText(body, headers.joined["content-type"]);
  const values = groupValues(target.pairs);
  const { keyId, accountId, authType } = invoke.identity;
  return {
    version: "0",
    id: newId(),
    time: new Date().toISOString(),
    source: "apigateway",
    base64OwnerPin: route.ownerPin,
    resources: [`jrn:apigateway:${route.region}::api/${route.apiUid}`],
    region: route.region,
    detailType: "ApiGatewayReceived",
    detail: {
      path: target.path,
      httpMethod: invoke.method,
      headers: headers.joined,
      multiValueHeaders: headers.all,
      pathParameters: flatToObject(invoke.pathParameters),
      // One value as it is, several as a list; a name without a value is `true`.
      queryParameters: mapValues(values, (all) => (all.length === 1 ? all[0] : all)),
      multiValueQueryParameters: values,
      rawQueryString: target.raw,
      body: text,
      isBase64Encoded,
      requestContext: {
        stage: route.environment,
        apiId: route.apiUid,
        apiName: route.apiName,
        groupId: route.groupName,
        revision: route.revision,
        identity: { accountId, apiKey: keyId, user: accountId, authType },
        requestId: invoke.requestId,
        sourceIp: invoke.sourceIp,
        protocol: invoke.protocol,
        host: headers.joined.host ?? "",
      },
    },
  };
}

/** A UUID of version 4 that nobody has to be unable to guess: node:crypto would be 0.8 MiB more in every instance. */
function newId(): string {
  const variant = (8 + Math.floor(Math.random() * 4)).toString(16);
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(12)}`;
}

function hex(digits: number): string {
  return Math.floor(Math.random() * 16 ** digits)
    .toString(16)
    .padStart(digits, "0");
}
