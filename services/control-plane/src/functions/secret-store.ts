import type { Transaction } from "@millrace/sql";

/** Replaces a secret's sealed value where there is one; answers where that was. The caller has locked the function. */
export async function replaceSecret(
  tx: Transaction,
  functionUid: string,
  key: string,
  sealed: string,
): Promise<{ inDraft: boolean; versions: number[] }> {
  const draft = await tx`
    update functions
    set
      config = jsonb_set(config, array['sealedSecrets', ${key}::text], to_jsonb(${sealed}::text)),
      version = version + 1,
      updated_at = now()
    where uid = ${functionUid} and jsonb_exists(config->'sealedSecrets', ${key})`;
  const versions = await tx<{ number: number }[]>`
    update function_versions
    set config = jsonb_set(config, array['sealedSecrets', ${key}::text], to_jsonb(${sealed}::text))
    where function_uid = ${functionUid} and jsonb_exists(config->'sealedSecrets', ${key})
    returning number`;
  return { inDraft: draft.count > 0, versions: versions.map(({ number }) => number) };
}
