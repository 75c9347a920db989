/**
 * Large files that are on their way to the device while the next ones are fetched and written.
 *
 * Owns: how many those are, and what one of them failed with. Whoever adds one looks for room first, and waits for all
 * before anything counts as done.
 */

export class Landings {
  readonly #max: number
  readonly #under = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  /** @param max so many at the same time */
  constructor(max: number) {
    this.#max = max
  }

  /** Waits until there is room for one. Throws what one before it failed with. */
  async room(): Promise<void> {
    while (this.#under.size >= this.#max) await Promise.race(this.#under)
    this.#check()
  }

  /** It is waited for by `room` and `all`. */
  add(landing: Promise<void>): void {
    const under = landing
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#under.delete(under))
    this.#under.add(under)
  }

  /** Waits until none is under way, whatever becomes of them. */
  async settled(): Promise<void> {
    await Promise.all(this.#under)
  }

  /** The same. Throws what one of them failed with. */
  async all(): Promise<void> {
    await this.settled()
    this.#check()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
