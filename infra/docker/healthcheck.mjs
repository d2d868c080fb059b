// Exits 0 when the service whose operations port is given says that it is ready.
const url = `http://127.0.0.1:${process.argv[2]}/readyz`;
const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
process.exit(answer?.ok ? 0 : 1);
