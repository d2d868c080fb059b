import type { Identity } from "@millrace/frames";
import type { Refusal } from "../answering/reasons.ts";
import type { AccessRequest } from "./access.ts";
import type { Grants } from "./grants.ts";
import type { SignatureAccess } from "./signature-access.ts";
import { checkSubscriptionKey } from "./subscription-access.ts";

/** Decides who calls an authorised deployment and whether they may. */
export class AccessService {
  readonly #grants: Grants;
  readonly #signatures: Pick<SignatureAccess, "check">;

  constructor(grants: Grants, signatures: Pick<SignatureAccess, "check">) {
    this.#grants = grants;
    this.#signatures = signatures;
  }

  /** A subscription key is looked at before a signature. */
  check(request: AccessRequest): Identity | Refusal | Promise<Identity | Refusal> {
    if (request.subscriptionKey === "") return this.#signatures.check(request);
    return checkSubscriptionKey(this.#grants, request.subscriptionKey, request.hostLabel);
  }
}
