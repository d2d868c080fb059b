// The functions that scenarios call.

export const FETCH_HELLO = `export default { fetch: () => Response.json({ hello: "world" }) };`;

export const JD_HELLO = `
  export const handler = async (event) => ({
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ hello: "world", path: event.detail.path }),
  });`;

/** Waits without using a processor, one call at a time in each instance, as a function that asks a database does. */
export const waiting = (ms: number): string => `
  export const handler = () => new Promise((answer) => setTimeout(answer, ${ms}, { statusCode: 200, body: "done" }));`;
