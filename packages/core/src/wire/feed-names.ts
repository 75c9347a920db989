/**
 * Names of extensions on one channel: numbers that stand for names, one list each way.
 *
 * Owns: the lists (generation 2, section 10). An extension's number is the place of its name in the *sender's* last list,
 * sorted by UTF-16 code units. A list that grows is sent again as a whole, before the first message with a new number.
 */

import { EXTENSION_NAMES_MAX } from '../base/limits.ts'
import type { FeedOptions } from './feed-messages.ts'

/** Sorted in the order that all peers use, each name once. */
export function sortedNames(names: readonly string[]): string[] {
  return [...new Set(names)].sort()
}

/** The two lists of one channel. */
export class ExtensionNames {
  #ours: string[]
  #theirs: readonly string[]

  /** @param theirs what the remote has said for the whole connection */
  constructor(ours: readonly string[], theirs: FeedOptions) {
    this.#ours = sortedNames(ours)
    this.#theirs = theirs.extensions
  }

  get ours(): readonly string[] {
    return this.#ours
  }

  /** Our number of a name, or -1. */
  numberOf(name: string): number {
    return this.#ours.indexOf(name)
  }

  /** Adds a name; false if the list is full. */
  add(name: string): boolean {
    if (this.#ours.length >= EXTENSION_NAMES_MAX) return false
    this.#ours = sortedNames([...this.#ours, name])
    return true
  }

  /** The remote's list from now on. */
  hear(names: readonly string[]): void {
    this.#theirs = names
  }

  /** What the remote means by a number. */
  nameOf(number: number): string | undefined {
    return this.#theirs[number]
  }
}
