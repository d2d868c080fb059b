export const repositoryRoot: string;
export const defaultStateDirectory: string;
export function isRoot(): boolean;
export function makeOpenDirectory(path: string): string;
export function unprivilegedHome(stateDirectory: string): string;
export function enginesFolder(): string;
