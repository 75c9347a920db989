/**
 * Which head of a log peers may be told of.
 *
 * Owns: the rule that a head leaves this machine only when it is signed and on the disk with all that it
 * stands on: a writer that forgets a head which others hold forks its own log. Between a head and its
 * sync newer ones may be staged; then the newest synced one is shown, signature and all. While nothing waits
 * for the disk nothing is kept and nobody listens.
 */

import type { Head, Store } from '../store/store.ts'

/** A signed head, and the address in the store behind which it is safe. */
interface Waiting {
  readonly head: Head
  readonly address: number
}

export class Announcement {
  readonly #store: Store
  readonly #onShown: () => void
  #shown: Waiting
  /** The oldest head that waits, and the newest; those between are never shown. */
  #first: Waiting | undefined
  #newest: Waiting | undefined
  #stopListening: (() => void) | undefined

  /** @param start the empty head of the fork that the log begins with */
  constructor(store: Store, start: Head, onShown: () => void) {
    this.#store = store
    this.#onShown = onShown
    this.#shown = { head: start, address: 0 }
  }

  /** The head that peers may know. */
  get head(): Head {
    return this.#shown.head
  }

  /** Is the head at `address` shown, or a later one? */
  covers(address: number): boolean {
    return this.#shown.address >= address
  }

  /** The head that a log is opened with: nobody need be told of it if it is synced. */
  begin(head: Head, address: number): void {
    if (address > this.#store.syncedAddress) this.committed(head, address)
    else this.#shown = { head, address }
  }

  /** A head that is signed, or needs no signature, was committed and stands at `address`. */
  committed(head: Head, address: number): void {
    if (this.covers(address)) return
    const waiting = { head, address }
    if (this.#first === undefined) this.#first = waiting
    else this.#newest = waiting
    this.look()
    if (this.#first !== undefined) this.#stopListening ??= this.#store.onSynced(() => this.look())
  }

  /** The way back to what is shown and waits now, for a cut that is taken back before anybody saw it. */
  mark(): () => void {
    const shown = this.#shown
    const first = this.#first
    const newest = this.#newest
    return () => {
      this.#shown = shown
      this.#first = first
      this.#newest = newest
      if (first !== undefined) this.#stopListening ??= this.#store.onSynced(() => this.look())
    }
  }

  /** The history was cut: nothing shown before can be proved any more. Shows an empty log until the next head. */
  cut(fork: number): void {
    this.#shown = { head: { ...this.#shown.head, fork, length: 0, byteLength: 0 }, address: 0 }
    this.dropWaiting()
  }

  /** Nothing that waits is of use any more. */
  dropWaiting(): void {
    this.#first = undefined
    this.#newest = undefined
    this.#stopListening?.()
    this.#stopListening = undefined
  }

  /** Looks how far the store is synced. */
  look(): void {
    const synced = this.#store.syncedAddress
    if (this.#first === undefined || this.#first.address > synced) return
    const isNewestSynced = this.#newest !== undefined && this.#newest.address <= synced
    this.#shown = isNewestSynced && this.#newest !== undefined ? this.#newest : this.#first
    this.#first = isNewestSynced ? undefined : this.#newest
    this.#newest = undefined
    if (this.#first === undefined) this.dropWaiting()
    this.#onShown()
  }
}
