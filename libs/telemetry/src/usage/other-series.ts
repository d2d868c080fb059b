/** Stands for what is beyond a bound, as one series; no id is written so. */
export const OTHER_SERIES = "(other)";
