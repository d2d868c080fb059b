import { randomLabel } from "@millrace/names";
import { inTransaction, type Sql } from "@millrace/sql";
import { z } from "zod";
import { LIFETIMES, TEXTS } from "../limits.ts";
import { parseBearer } from "../tokens/bearer-token.ts";
import { insertToken } from "../tokens/token-store.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import { ID_CHARS, isEmail } from "./person.ts";
import { insertPerson, lockPeople, somebodyExists } from "./person-store.ts";

const FILE = z.strictObject({
  email: z.string().refine(isEmail),
  password: z.string().min(TEXTS.passwordCharsMin).max(TEXTS.passwordCharsMax),
  token: z.string(),
});

export interface BootstrapDeps {
  sql: Sql;
  now: () => Date;
  passwords: PasswordHasher;
}

/**
 * Makes the first operator and its API token, as the file says, while nobody exists. Answers whether it did. Throws for a file that is
 * not usable, without showing what is in it.
 */
export async function bootstrap({ sql, now, passwords }: BootstrapDeps, file: string): Promise<boolean> {
  if (await somebodyExists(sql)) return false;
  const { email, password, token } = parseFile(file);
  const passwordHash = await passwords.hash(password);
  return inTransaction(sql, async (tx) => {
    await lockPeople(tx);
    if (await somebodyExists(tx)) return false;
    const createdAt = now();
    const personId = randomLabel(ID_CHARS);
    const displayName = "Operator";
    await insertPerson(tx, { personId, email, displayName, operator: true, passwordHash, createdAt });
    const expiresAt = new Date(createdAt.getTime() + LIFETIMES.bootstrapTokenMs);
    const { id: tokenId, secretHash } = token;
    await insertToken(tx, { tokenId, personId, displayName: "bootstrap", secretHash, createdAt, expiresAt });
    return true;
  });
}

function parseFile(file: string) {
  const { success, data } = FILE.safeParse(parseJson(file));
  const token = data && parseBearer(data.token);
  if (!success || token?.kind !== "token") {
    throw new Error(
      `MILLRACE_BOOTSTRAP_FILE: must hold JSON {email, password, token}: a password of ${TEXTS.passwordCharsMin} to ` +
        `${TEXTS.passwordCharsMax} characters, a token mrt_{12 of a-z and 0-9}_{32 bytes in base64url}`,
    );
  }
  return { email: data.email.toLowerCase(), password: data.password, token };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
