// What egress is tested with: a function that talks to others through clients as they are, each the way its readers are told to.
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import axios from "axios";
// @ts-expect-error It comes without types.
import pg from "pg";
import postgres from "postgres";
import Stripe from "stripe";
import { Pool, request } from "undici";

const { HTTP_URL = "", HTTPS_URL = "", CA = "", DATABASE_URL = "" } = process.env;
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
const secureAgent = new https.Agent({ keepAlive: true, ca: CA });
const { hostname, port } = new URL(HTTPS_URL || "https://nowhere.example");
const stripe = new Stripe("key", { host: hostname, port, protocol: "https", httpAgent: secureAgent });
const sql = postgres(DATABASE_URL, { max: 2, ssl: false });
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 2 });

const CLIENTS: Record<string, () => Promise<unknown>> = {
  fetch: async () => (await fetch(HTTP_URL)).text(),
  http: () => byNode(http.get(HTTP_URL)),
  httpAgent: () => byNode(http.get(HTTP_URL, { agent })),
  https: () => byNode(https.get(HTTPS_URL, { ca: CA })),
  httpsAgent: () => byNode(https.get(HTTPS_URL, { agent: secureAgent })),
  http2: async () => {
    const session = http2.connect(HTTPS_URL, { ca: CA });
    const stream = session.request({ ":path": "/" });
    const text = (await stream.toArray()).join("");
    session.close();
    return text;
  },
  undiciRequest: async () => (await request(HTTP_URL)).body.text(),
  undiciPool: async () => {
    const own = new Pool(new URL(HTTPS_URL).origin, { connections: 2, connect: { ca: CA } });
    const texts = await Promise.all(
      [1, 2, 3, 4].map(async () => (await own.request({ path: "/", method: "GET" })).body.text()),
    );
    await own.close();
    return texts.at(-1);
  },
  axios: async () => (await axios.get(HTTP_URL)).data,
  axiosHttps: async () => (await axios.get(HTTPS_URL, { httpsAgent: secureAgent })).data,
  sdk: async () =>
    JSON.stringify(await Promise.all([1, 2, 3].map(async () => (await stripe.customers.retrieve("c")).id))),
  postgres: async () => (await sql`select current_database() as name`)[0]?.name,
  pg: async () => (await pool.query("select current_database() as name")).rows[0].name,
};

async function byNode(asked: http.ClientRequest): Promise<string> {
  const answered = Promise.withResolvers<http.IncomingMessage>();
  asked.on("response", answered.resolve).on("error", answered.reject);
  return (await (await answered.promise).toArray()).join("");
}

export default {
  async fetch(asked: Request): Promise<Response> {
    try {
      return new Response(String(await CLIENTS[await asked.text()]?.()));
    } catch (error) {
      const { code, message, cause } = error as Error & { code?: string; cause?: Error };
      return new Response(`${code} ${message} ${cause?.message}`, { status: 500 });
    }
  },
};
