/** What a run leaves behind, all of it committed. */
export const RESULTS_FILE = new URL("../../results.json", import.meta.url);
export const PAGE_FILE = new URL("../../../../docs/reference/performance.md", import.meta.url);
export const CHARTS_FOLDER = new URL("../../../../docs/reference/charts/", import.meta.url);
