/** A platform, and as whom it is used. */
export interface Profile {
  controlPlaneAddress: string;
  authAddress: string;
  gatewayUrl?: string;
  consoleUrl?: string;
  /** PEM file of the authority that signed the services' certificates; absent: no TLS. */
  caFile?: string;
  token: string;
  /** A session is ended by signing out; an API token is only forgotten. */
  credential: "session" | "token";
  email?: string;
  /** The project that commands mean when they name none. */
  project?: string;
}

export type PlatformAddresses = Omit<Profile, "token" | "credential" | "email" | "project">;
