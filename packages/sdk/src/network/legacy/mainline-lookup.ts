/**
 * One look-up in BitTorrent's DHT: from nodes that are known to those that are nearest to what is looked for.
 *
 * Owns: who is asked next. Always true: nobody is asked twice; at most `PARALLEL` are asked at a time and
 * `MAINLINE_QUERIES_PER_LOOKUP_MAX` in all, whatever they answer; it ends when the `NEAREST` that answer were asked.
 */

import { MAINLINE_QUERIES_PER_LOOKUP_MAX } from '@dat-rhino/core/base/limits'
import { compare } from '@dat-rhino/core/bytes/bytes'
import type { MainlineNode, PeersAnswer } from './krpc.ts'
import type { LegacyAddress } from './options.ts'

/** As many nodes keep an announcement. */
const NEAREST = 8
const PARALLEL = 8

/** A node that has answered. */
export interface Answered {
  readonly id: Uint8Array
  readonly address: LegacyAddress
  readonly token: Uint8Array | undefined
}

/** What a look-up calls. */
export interface LookupHost {
  ask(address: LegacyAddress): Promise<PeersAnswer | undefined>
  found(address: LegacyAddress): void
  /** Nothing more is asked. */
  readonly isOver: boolean
}

interface Candidate {
  readonly address: LegacyAddress
  readonly distance: Uint8Array
}

/** Those that answered, the nearest first. Never rejects. */
export function lookUp(
  target: Uint8Array,
  start: readonly MainlineNode[],
  host: LookupHost,
): Promise<Answered[]> {
  return new Promise((resolve) => {
    new Lookup(target, start, host, resolve).more()
  })
}

class Lookup {
  readonly #target: Uint8Array
  readonly #host: LookupHost
  readonly #resolve: (answered: Answered[]) => void
  /** Not asked yet, the nearest first. */
  #candidates: Candidate[] = []
  readonly #seen = new Set<string>()
  readonly #answered: (Answered & Candidate)[] = []
  #asking = 0
  #asked = 0

  constructor(
    target: Uint8Array,
    start: readonly MainlineNode[],
    host: LookupHost,
    resolve: (answered: Answered[]) => void,
  ) {
    this.#target = target
    this.#host = host
    this.#resolve = resolve
    this.#add(start)
  }

  more(): void {
    while (this.#asking < PARALLEL && !this.#isDone) {
      const next = this.#candidates.shift()
      if (next === undefined) break
      this.#asking++
      this.#asked++
      void this.#host.ask(next.address).then((answer) => this.#heard(next, answer))
    }
    if (this.#asking === 0) this.#resolve(this.#answered.slice(0, NEAREST))
  }

  /** Who has not been asked is farther away than those that are enough. */
  get #isDone(): boolean {
    if (this.#host.isOver || this.#asked >= MAINLINE_QUERIES_PER_LOOKUP_MAX) return true
    const [next] = this.#candidates
    const last = this.#answered[NEAREST - 1]
    return next !== undefined && last !== undefined && compare(next.distance, last.distance) > 0
  }

  #heard({ address }: Candidate, answer: PeersAnswer | undefined): void {
    this.#asking--
    if (answer !== undefined) {
      const { id, token, nodes, peers } = answer
      this.#answered.push({ id, address, token, distance: this.#distance(id) })
      this.#answered.sort(byDistance)
      this.#add(nodes)
      if (!this.#host.isOver) for (const peer of peers) this.#host.found(peer)
    }
    this.more()
  }

  #add(nodes: readonly MainlineNode[]): void {
    for (const { id, address } of nodes) {
      const name = `${address.host}:${address.port}`
      if (this.#seen.has(name)) continue
      this.#seen.add(name)
      this.#candidates.push({ address, distance: this.#distance(id) })
    }
    this.#candidates.sort(byDistance)
    // Of those behind it none can have its turn.
    const { length } = this.#candidates
    this.#candidates.length = Math.min(length, MAINLINE_QUERIES_PER_LOOKUP_MAX)
  }

  /** By exclusive or; who has no name yet comes last. */
  #distance(id: Uint8Array | undefined): Uint8Array {
    return Uint8Array.from(this.#target, (byte, i) =>
      id === undefined ? 0xff : byte ^ (id[i] ?? 0),
    )
  }
}

function byDistance(a: Candidate, b: Candidate): number {
  return compare(a.distance, b.distance)
}
