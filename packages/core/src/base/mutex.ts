/**
 * One at a time: who holds the mutex goes on, the others wait in the order in which they came.
 *
 * Owns: the queue. `acquire` gives back the function that releases; calling it twice is harmless, so it may
 * stand in a `finally` and be called early as well.
 */

/** Lets the next one in. */
export type Release = () => void

/** A lock for one process. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve()
  #waiting = 0

  /** Is somebody in, or waiting to be? */
  get busy(): boolean {
    return this.#waiting > 0
  }

  /** Resolves when it is the caller's turn. */
  async acquire(): Promise<Release> {
    const before = this.#tail
    const release = this.#enter()
    await before
    return release
  }

  /** The mutex, if nobody is in or waits: it costs no promise that is awaited. */
  tryAcquire(): Release | undefined {
    return this.busy ? undefined : this.#enter()
  }

  #enter(): Release {
    let next: Release = () => {}
    this.#tail = new Promise((resolve) => {
      next = resolve
    })
    this.#waiting++
    let held = true
    return () => {
      if (held) this.#waiting--
      held = false
      next()
    }
  }
}
