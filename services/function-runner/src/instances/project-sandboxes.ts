import { INSTANCE_LIMITS } from "../limits.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

interface Given {
  sandbox: Sandbox;
  usedAt: number;
}

/** Which sandbox runs whose code. A project has one, and a second one while the first, whose channels are used up, runs out. */
export class ProjectSandboxes {
  readonly #take: () => Sandbox;
  readonly #current = new Map<string, Given>();
  readonly #given = new Set<Given>();

  constructor(take: () => Sandbox) {
    this.#take = take;
  }

  /** The sandbox for the next instance of `project`. */
  for(project: string): Sandbox {
    let given = this.#current.get(project);
    if (!given?.sandbox.takesInstances) {
      given = { sandbox: this.#take(), usedAt: 0 };
      this.#current.set(project, given);
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
    for (const [project, given] of this.#current) if (given.sandbox.hasEnded) this.#current.delete(project);
  }
}
