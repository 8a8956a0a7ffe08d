import { setTimeout } from "node:timers/promises";

import { ConnectError } from "@connectrpc/connect";

import { isLostConnection, leastPause } from "./refusals.js";

const SHORTEST = 50;
const LONGEST = 2_000;
const PATIENCE = 60_000;

/** How often a connection was lost, of all calls, subscriptions and watches. */
export const lost = { connections: 0 };

// docs:begin backoff
/**
 * Pauses between attempts: each twice as long as the one before, minus a random part, at most 2 seconds.
 * After a minute without progress there is no other attempt.
 */
export class Backoff {
  #next = SHORTEST;
  #progress = performance.now();

  /** Starts again with short pauses, after progress. */
  reset(): void {
    this.#next = SHORTEST;
    this.#progress = performance.now();
  }

  /** Waits until the next attempt. Throws the failure if a retry would not help. */
  async after(failure: unknown): Promise<void> {
    const error = ConnectError.from(failure);
    const atLeast = leastPause(error);
    if (atLeast === undefined || performance.now() - this.#progress > PATIENCE) {
      throw failure;
    }
    if (isLostConnection(error)) {
      lost.connections++;
    }
    await this.pause(atLeast);
  }

  async pause(atLeast = 0): Promise<void> {
    const pause = this.#next * (0.5 + Math.random() / 2);
    this.#next = Math.min(this.#next * 2, LONGEST);
    await setTimeout(Math.max(pause, atLeast));
  }
}
// docs:end backoff

/** The answer of a call, with as many attempts as can help. */
export async function persistently<T>(call: () => Promise<T>): Promise<T> {
  const backoff = new Backoff();
  for (;;) {
    try {
      return await call();
    } catch (failure) {
      await backoff.after(failure);
    }
  }
}
