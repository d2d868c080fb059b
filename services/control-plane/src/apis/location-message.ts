import { ParameterLocation } from "@millrace/proto/control/v1/apis";
import type { Location } from "./api.ts";

export const LOCATIONS: Readonly<Record<Location, ParameterLocation>> = {
  path: ParameterLocation.PATH,
  query: ParameterLocation.QUERY,
  header: ParameterLocation.HEADER,
};

export const LOCATION_OF: Readonly<Partial<Record<ParameterLocation, Location>>> = {
  [ParameterLocation.PATH]: "path",
  [ParameterLocation.QUERY]: "query",
  [ParameterLocation.HEADER]: "header",
};
