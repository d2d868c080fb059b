import { type EgressPolicy, policyText } from "../egress/egress-policy.ts";
import { INSTANCE_LIMITS } from "../limits.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

interface Given {
  sandbox: Sandbox;
  usedAt: number;
}

export interface ProjectSandboxesDependencies {
  /** A blank sandbox. */
  take(): Sandbox;
  /** Opens a sandbox's way to the world, as wide as the policy says; answers how to close it. */
  openEgress(sandbox: Sandbox, project: string, policy: EgressPolicy): () => void;
}

/**
 * Which sandbox runs whose code. What a project's functions may connect to is decided outside of the sandbox, which cannot be asked which
 * of them it is that connects: so each policy of a project has a sandbox. There is a second one while the first, whose channels are used
 * up, runs out.
 */
export class ProjectSandboxes {
  readonly #deps: ProjectSandboxesDependencies;
  readonly #current = new Map<string, Given>();
  readonly #given = new Set<Given>();

  constructor(deps: ProjectSandboxesDependencies) {
    this.#deps = deps;
  }

  /** The sandbox for the next instance of a function of `project` with the policy. */
  for(project: string, policy: EgressPolicy): Sandbox {
    const key = `${project} ${policyText(policy)}`;
    let given = this.#current.get(key);
    if (!given?.sandbox.takesInstances) {
      given = { sandbox: this.#give(project, policy), usedAt: 0 };
      this.#current.set(key, given);
      this.#given.add(given);
    }
    given.usedAt = performance.now();
    return given.sandbox;
  }

  /** Ends the sandboxes that have had nothing to do for a while. */
  sweep(): void {
    const idleSince = performance.now() - INSTANCE_LIMITS.sandboxIdleMs;
    for (const given of this.#given) {
      const { sandbox } = given;
      if (sandbox.instances > 0) given.usedAt = performance.now();
      else if (given.usedAt < idleSince || !sandbox.takesInstances) sandbox.kill();
      if (sandbox.hasEnded) this.#given.delete(given);
    }
    for (const [key, given] of this.#current) if (given.sandbox.hasEnded) this.#current.delete(key);
  }

  #give(project: string, policy: EgressPolicy): Sandbox {
    const sandbox = this.#deps.take();
    // Below the full tier a sandbox uses the machine's network, and there is nothing to open.
    if (sandbox.inside.egress === undefined) return sandbox;
    try {
      void sandbox.exited.then(this.#deps.openEgress(sandbox, project, policy));
      return sandbox;
    } catch (error) {
      sandbox.kill();
      throw error;
    }
  }
}
