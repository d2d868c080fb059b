/** The console's JSON bridge, as a web page or a script would use it. */
export type BridgeAnswer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: Record<string, unknown>;
  readonly text: string;
};

export type Bridge = (service: string, method: string, request: unknown) => Promise<BridgeAnswer>;

const TIMEOUT_MS = 30_000;

/** `call("millrace.control.v1.ProjectService", "CreateProject", {projectId})`; a string is sent as it is. */
export function bridge(consoleUrl: string, token: string | undefined): Bridge {
  return async (service, method, request) => {
    const response = await fetch(`${consoleUrl}/api/${service}/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: typeof request === "string" ? request : JSON.stringify(request),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    return {
      status: response.status,
      contentType: response.headers.get("content-type") ?? "",
      body: parsed(text),
      text,
    };
  };
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
