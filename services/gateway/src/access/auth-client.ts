import { IdentityServiceService, type SigningScope } from "@millrace/proto/auth/v1/internal";
import { RpcClient, type ServiceIdentity } from "@millrace/rpc";
import { ACCESS_LIMITS } from "../limits.ts";

export interface DerivedKey {
  scope: SigningScope;
  /** 32 bytes. */
  key: Uint8Array;
}

/** What the gateway asks of auth: keys derived for a day, a region and a deployment. Never a secret. */
export interface KeyDeriver {
  /** At most `derivedKeyBatchMax` scopes. Those of unknown and disabled keys are left out of the answer. Throws when auth does not answer. */
  derive(scopes: readonly SigningScope[]): Promise<readonly DerivedKey[]>;
  close(): void;
}

export interface AuthClientOptions {
  address: string;
  caFile: string | undefined;
  identity: ServiceIdentity;
}

export function createAuthClient({ address, caFile, identity }: AuthClientOptions): KeyDeriver {
  const client = new RpcClient({ address, caFile, token: () => identity.tokenFor("auth") });
  return {
    async derive(scopes) {
      const timeoutMs = ACCESS_LIMITS.derivedKeyFetchMs;
      const answer = await client.call(
        IdentityServiceService.deriveSigningKeys,
        { scopes: [...scopes] },
        { timeoutMs },
      );
      return answer.keys.flatMap(({ scope, key }) => (scope ? [{ scope, key }] : []));
    },
    close: () => client.close(),
  };
}
