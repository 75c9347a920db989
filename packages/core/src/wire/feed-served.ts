/**
 * The requests of a remote that we owe an answer to, with ids that its wire does not have.
 *
 * Owns: the ids. Two requests for one block could not be told apart in their answers, so the second takes the place of
 * the first (`cancel`, then `add`). How many may wait is for those to say who answer.
 */

interface Entry {
  readonly index: number
  readonly isSeek: boolean
}

export class FeedServed {
  readonly #byId = new Map<number, Entry>()
  readonly #byIndex = new Map<number, number>()
  #nextId = 1

  /** The id of a new request. */
  add(index: number, isSeek: boolean): number {
    const id = this.#nextId++
    this.#byId.set(id, { index, isSeek })
    if (!isSeek) this.#byIndex.set(index, id)
    return id
  }

  /** The block that a request named, or -1. */
  indexOf(id: number): number {
    return this.#byId.get(id)?.index ?? -1
  }

  /** The request is being answered; false if it was cancelled or never was. */
  take(id: number): boolean {
    const entry = this.#byId.get(id)
    if (entry === undefined) return false
    this.#byId.delete(id)
    if (!entry.isSeek) this.#byIndex.delete(entry.index)
    return true
  }

  /** Forgets the request for a block: its id, or 0 if there is none. */
  cancel(index: number): number {
    const id = this.#byIndex.get(index) ?? 0
    this.take(id)
    return id
  }
}
