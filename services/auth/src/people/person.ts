import { PlatformError } from "@millrace/errors";
import { TEXTS } from "../limits.ts";
import type { RequestCheck } from "../request-check.ts";

export interface PersonRow {
  personId: string;
  email: string;
  displayName: string;
  operator: boolean;
  disabled: boolean;
  version: number;
  createdAt: Date;
}

export const ID_CHARS = 12;

const EMAIL = /^[^\s@\p{Cc}\p{Cs}]{1,64}@[^\s@\p{Cc}\p{Cs}]{1,189}$/u;

export function isEmail(text: string): boolean {
  return text.length <= TEXTS.emailCharsMax && EMAIL.test(text);
}

/** An email is the same whatever its case. */
export function checkEmail(check: RequestCheck, email: string, field = "email"): string {
  check.that(isEmail(email), field, "must be an email address, e.g. ada@example.com");
  return email.toLowerCase();
}

export function checkNewPassword(check: RequestCheck, password: string, field = "password"): string {
  const { passwordCharsMin: min, passwordCharsMax: max } = TEXTS;
  check.that(
    password.length >= min && password.length <= max,
    field,
    password === "" ? `is required: ${min} to ${max} characters` : `must have ${min} to ${max} characters`,
  );
  return password;
}

/** A password to be compared; anything that could be one. */
export function checkPassword(check: RequestCheck, password: string, field = "password"): string {
  check.that(password !== "", field, "is required");
  check.that(
    password.length <= TEXTS.passwordCharsMax,
    field,
    `must have at most ${TEXTS.passwordCharsMax} characters`,
  );
  return password;
}

export function checkPersonName(check: RequestCheck, displayName: string): string {
  return check.text("display_name", displayName, { min: 1, max: TEXTS.displayNameCharsMax });
}

/** The same for a wrong password, an unknown email and a disabled person. */
export function credentialInvalid(): PlatformError {
  return new PlatformError("unauthenticated", "The email or the password is not right.", {
    reason: "credential_invalid",
  });
}

export function personNotFound(who: string): PlatformError {
  return new PlatformError("not_found", `There is no person ${who}.`, { reason: "person_not_found" });
}

export function personExists(email: string): PlatformError {
  return new PlatformError("already_exists", `email: there is a person ${email} already`, { reason: "person_exists" });
}
