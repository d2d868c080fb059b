/** What the files of containers must say so that a runner reaches the full tier, and no more than that. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { repositoryRoot } from "../paths.ts";

// Files of several kinds, of which a test names the members that it means.
// biome-ignore lint/suspicious/noExplicitAny: their schema is somebody else's
type Document = any;

const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");
const compose: Document = parse(read("docker-compose.yml"), { merge: true });
const profile: Document = JSON.parse(read("infra/docker/seccomp-runner.json"));
const manifests: readonly Document[] = globSync("infra/kubernetes/*.yaml", { cwd: repositoryRoot }).flatMap((file) =>
  parseAllDocuments(read(file)).map((document) => document.toJS()),
);
const manifest = (kind: string, name: string): Document =>
  manifests.find((one) => one.kind === kind && one.metadata?.name === name) ?? assert.fail(`no ${kind} ${name}`);

/** What bubblewrap makes a sandbox with. */
const NAMESPACES = ["clone", "mount", "pivot_root", "sethostname", "umount2", "unshare"];
/** What no container of Docker may call either without a capability. */
const NEVER =
  "bpf delete_module finit_module init_module kexec_load keyctl open_by_handle_at perf_event_open ptrace reboot setns swapon"
    .split(" ")
    .concat("add_key", "fsopen", "io_uring_setup", "move_mount", "open_tree", "process_vm_readv", "userfaultfd");

const rulesFor = (call: string): Document[] => profile.syscalls.filter((rule: Document) => rule.names.includes(call));

test("the seccomp profile lets namespaces be made, and refuses what is not named", () => {
  assert.deepEqual([profile.defaultAction, profile.defaultErrnoRet], ["SCMP_ACT_ERRNO", 1]);
  for (const call of NAMESPACES) {
    assert.deepEqual(
      rulesFor(call).map(({ action, args }) => [action, args]),
      [["SCMP_ACT_ALLOW", undefined]],
      call,
    );
  }
  for (const call of NEVER) assert.deepEqual(rulesFor(call), [], call);
});

test("the profile knows no clone3, whose flags a sandbox's own filter could not read", () => {
  assert.deepEqual(
    rulesFor("clone3").map(({ action, errnoRet }) => [action, errnoRet]),
    [["SCMP_ACT_ERRNO", 38]],
  );
});

test("the profile allows local, internet and netlink sockets, and no other family", () => {
  const families = rulesFor("socket").map(({ args }) =>
    args.map(({ index, value, op }: Document) => [index, value, op]),
  );
  assert.deepEqual(
    families,
    [1, 2, 10, 16].map((family) => [[0, family, "SCMP_CMP_EQ"]]),
  );
});

test("the profile is of the kind that Docker, containerd and CRI-O all read", () => {
  assert.deepEqual(Object.keys(profile).sort(), ["architectures", "defaultAction", "defaultErrnoRet", "syscalls"]);
  for (const rule of profile.syscalls) assert.ok(!("includes" in rule) && !("excludes" in rule));
});

test("the compose file's runner has what the full tier needs, without root and without a capability", () => {
  const runner = compose.services["function-runner"];
  assert.equal(runner.environment.MILLRACE_RUNNER_MINIMUM_TIER, "full");
  assert.deepEqual(runner.security_opt, [
    "no-new-privileges:true",
    "seccomp=infra/docker/seccomp-runner.json",
    `apparmor=\${MILLRACE_RUNNER_APPARMOR:-unconfined}`,
    "systempaths=unconfined",
  ]);
  assert.deepEqual(runner.cap_drop, ["ALL"]);
  assert.equal(runner.read_only, true);
  for (const more of ["user", "cap_add", "privileged", "devices", "pid"]) assert.ok(!(more in runner), more);
  assert.match(read("infra/docker/Dockerfile"), /apt-get install .*bubblewrap/);
});

test("no other service of the compose file is given what only sandboxes need", () => {
  for (const [name, { security_opt = [], privileged }] of Object.entries<Document>(compose.services)) {
    if (name === "function-runner") continue;
    assert.deepEqual([security_opt, privileged], [["no-new-privileges:true"], undefined], name);
  }
});

test("a runner on Kubernetes has what the full tier needs, without root and without a capability", () => {
  const { spec } = manifest("StatefulSet", "north").spec.template;
  const [{ securityContext, env }] = spec.containers;
  // The API server refuses the one without the other.
  assert.deepEqual([spec.hostUsers, securityContext.procMount], [false, "Unmasked"]);
  assert.deepEqual(spec.securityContext.seccompProfile, {
    type: "Localhost",
    localhostProfile: "millrace/seccomp-runner.json",
  });
  assert.deepEqual(spec.securityContext.appArmorProfile, { type: "Unconfined" });
  assertUnprivileged(spec);
  assert.ok(env.some(({ name, value }: Document) => name === "MILLRACE_RUNNER_MINIMUM_TIER" && value === "full"));
  const put = manifest("DaemonSet", "seccomp-profile").spec.template.spec;
  assert.equal(put.volumes[1].hostPath.path, "/var/lib/kubelet/seccomp/millrace");
});

test("a gateway on Kubernetes keeps to what Pod Security calls restricted", () => {
  const { spec } = manifest("StatefulSet", "east").spec.template;
  assertUnprivileged(spec);
  assert.deepEqual(spec.securityContext.seccompProfile, { type: "RuntimeDefault" });
  const labels = manifest("Namespace", "millrace").metadata.labels;
  assert.equal(labels["pod-security.kubernetes.io/enforce"], "restricted");
});

test("on Kubernetes secrets are files, and a pod sees the seed of its own name only", () => {
  for (const name of ["east", "north"]) {
    const [{ env, envFrom, volumeMounts }] = manifest("StatefulSet", name).spec.template.spec.containers;
    assert.equal(envFrom, undefined);
    for (const { valueFrom } of env) assert.ok(valueFrom === undefined || valueFrom.fieldRef !== undefined);
    const seeds = volumeMounts.filter((mount: Document) => mount.name === "seeds");
    assert.match(seeds[0].subPathExpr, /^\$\(MILLRACE_(GATEWAY|RUNNER)_ID\)\.seed$/);
    assert.equal(seeds.length, 1);
  }
});

test("what runs on Kubernetes is asked on its operations port whether it lives and whether it wants work", () => {
  for (const name of ["east", "north"]) {
    const { spec } = manifest("StatefulSet", name).spec.template;
    const [{ livenessProbe, readinessProbe }] = spec.containers;
    assert.deepEqual([livenessProbe.httpGet.path, readinessProbe.httpGet.path], ["/livez", "/readyz"]);
    // Variables that Kubernetes makes for a Service may begin like settings, and settings that nobody knows are refused.
    assert.equal(spec.enableServiceLinks, false);
  }
});

function assertUnprivileged({ securityContext: pod, containers, ...spec }: Document): void {
  assert.deepEqual([pod.runAsNonRoot, pod.runAsUser], [true, 1000]);
  assert.equal(spec.automountServiceAccountToken, false);
  for (const { securityContext } of containers) {
    assert.equal(securityContext.allowPrivilegeEscalation, false);
    assert.equal(securityContext.readOnlyRootFilesystem, true);
    assert.deepEqual(securityContext.capabilities, { drop: ["ALL"] });
    assert.ok(!("privileged" in securityContext));
  }
}
