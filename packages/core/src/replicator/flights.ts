/**
 * Which blocks of a log are asked for, and which tree nodes their answers will bring.
 *
 * Owns: the reservations of one log, kept by chunks of 64 blocks, the unit of storage too. Always true: a
 * block is reserved as often as a request for it is in flight, `blocksReserved` is the sum, and a chunk
 * without reservations is forgotten.
 *
 * How many nodes a request asks for (performance 4.5): from the block up to the first node that is stored, is
 * a root, or will come with a request that is in flight. So the first block of a chunk asks for the way out
 * of the chunk, and block `i` of an ascending run for `ctz(i)` nodes; together one node per block.
 *
 * On whom a request may count: on those that the same peer was sent before, the chunk's `owner`, since it answers
 * in order; an urgent one only on urgent ones, since they overtake. When a request ends without its answer,
 * what it promised is off: the chunk is `broken`, later requests count on stored nodes only, and answers that
 * waited for the promise are given up (`receive.ts`).
 */

import { invariant } from '../base/errors.ts'

/** Blocks that are planned together. */
export const CHUNK_BLOCKS = 64

class Chunk {
  readonly first: number
  /** The peer that was asked first. */
  readonly owner: number
  /** Bits of blocks that are reserved, 32 and 32. */
  low = 0
  high = 0
  /** Reservations, copies included. */
  count = 0
  /** In-order nodes below the chunk's root that will come: 127 bits with any request, then with urgent ones. */
  readonly coming: Uint32Array = new Uint32Array(8)
  /** A request ended without its answer since the chunk was last without reservations. */
  broken = false

  constructor(first: number, owner: number) {
    this.first = first
    this.owner = owner
  }
}

const URGENT = 4

/** What is never added to. */
const NO_CHUNKS: Map<number, Chunk> = new Map()
const NO_COPIES: Map<number, number> = new Map()

/** Finds how far up a proof must lead: `Replica.missingNodes`. */
export type MissingNodes = (node: number, trust: (node: number) => boolean) => number

/** The reservations of one log. */
export class Flights {
  readonly #missingNodes: MissingNodes
  /** Made with the first reservation, gone with the last: of ten thousand logs few are asked about at the same time. */
  #chunks: Map<number, Chunk> = NO_CHUNKS
  /** Blocks asked for more than once, with the number of requests beyond the first. */
  #copies: Map<number, number> = NO_COPIES
  #last: Chunk | undefined = undefined
  #reserved = 0
  /** What `#trust` speaks of. */
  #planned: Chunk | undefined = undefined
  #plannedSet = 0
  readonly #trust = (node: number): boolean => {
    return this.#planned !== undefined && isComing(this.#planned, this.#plannedSet, node)
  }

  constructor(missingNodes: MissingNodes) {
    this.#missingNodes = missingNodes
  }

  get blocksReserved(): number {
    return this.#reserved
  }

  has(block: number): boolean {
    const chunk = this.#find(block)
    return chunk !== undefined && hasBit(chunk, block - chunk.first)
  }

  /** Requests in flight for a block. */
  copies(block: number): number {
    return this.has(block) ? 1 + (this.#copies.get(block) ?? 0) : 0
  }

  /** Is more than one request in flight for some block? */
  get anyCopies(): boolean {
    return this.#copies.size > 0
  }

  #addCopy(block: number): void {
    if (this.#copies === NO_COPIES) this.#copies = new Map()
    this.#copies.set(block, (this.#copies.get(block) ?? 0) + 1)
  }

  /** Is another peer than `owner` at work in the chunk of `block`? */
  isTaken(block: number, owner: number): boolean {
    const chunk = this.#find(block)
    return chunk !== undefined && chunk.owner !== owner
  }

  /** First block in `from .. end` that is not reserved; `end` if there is none. */
  nextFree(from: number, end: number): number {
    let at = from
    while (at < end) {
      const chunk = this.#find(at)
      if (chunk === undefined) return at
      const next = Math.min(chunk.first + CHUNK_BLOCKS, end)
      while (at < next && hasBit(chunk, at - chunk.first)) at++
      if (at < next) return at
    }
    return end
  }

  /** First block in `from .. end`, all of one chunk, that is reserved; `end` if there is none. */
  nextTaken(from: number, end: number): number {
    const chunk = this.#find(from)
    if (chunk === undefined) return end
    let at = from
    while (at < end && !hasBit(chunk, at - chunk.first)) at++
    return at
  }

  /** Reserves a block for a request to peer `owner` and returns the request's `nodes`. */
  reserve(block: number, owner: number, inTree: boolean, urgent: boolean): number {
    let chunk = this.#find(block)
    if (chunk === undefined) {
      chunk = new Chunk(block - (block % CHUNK_BLOCKS), owner)
      if (this.#chunks === NO_CHUNKS) this.#chunks = new Map()
      this.#chunks.set(chunk.first, chunk)
      this.#last = chunk
    }
    const isCopy = hasBit(chunk, block - chunk.first)
    if (isCopy) this.#addCopy(block)
    else setBit(chunk, block - chunk.first, true)
    chunk.count++
    this.#reserved++
    if (!inTree) return 0
    const mayCount = !isCopy && !chunk.broken && chunk.owner === owner
    this.#planned = mayCount ? chunk : undefined
    this.#plannedSet = urgent ? URGENT : 0
    const nodes = this.#missingNodes(block * 2, this.#trust)
    if (mayCount) {
      promise(chunk, 0, block * 2, nodes)
      if (urgent) promise(chunk, URGENT, block * 2, nodes)
    }
    return nodes
  }

  /**
   * Gives a reservation back; `came` if the answer is here. Returns true if nobody is being asked for the block
   * any more.
   */
  release(block: number, came: boolean): boolean {
    const chunk = this.#find(block)
    const held = chunk !== undefined && hasBit(chunk, block - chunk.first)
    invariant(held, 'A block was released that was not reserved.', { block })
    chunk.count--
    this.#reserved--
    if (!came) chunk.broken = true
    const copies = this.#copies.get(block) ?? 0
    if (copies > 1) this.#copies.set(block, copies - 1)
    else if (copies === 1) this.#copies.delete(block)
    else setBit(chunk, block - chunk.first, false)
    if (chunk.count === 0) {
      if (this.#chunks.size === 1) this.#chunks = NO_CHUNKS
      else this.#chunks.delete(chunk.first)
      if (this.#last === chunk) this.#last = undefined
    }
    return copies === 0
  }

  /** Did a request fail that an answer for `block` may have counted on? */
  isBroken(block: number): boolean {
    return this.#find(block)?.broken === true
  }

  #find(block: number): Chunk | undefined {
    const last = this.#last
    const first = block - (block % CHUNK_BLOCKS)
    if (last !== undefined && last.first === first) return last
    const chunk = this.#chunks.get(first)
    if (chunk !== undefined) this.#last = chunk
    return chunk
  }
}

function hasBit(chunk: Chunk, i: number): boolean {
  return (((i < 32 ? chunk.low : chunk.high) >>> (i & 31)) & 1) === 1
}

function setBit(chunk: Chunk, i: number, value: boolean): void {
  const bit = 1 << (i & 31)
  if (i < 32) chunk.low = value ? chunk.low | bit : chunk.low & ~bit
  else chunk.high = value ? chunk.high | bit : chunk.high & ~bit
}

function isComing(chunk: Chunk, set: number, node: number): boolean {
  const at = node - chunk.first * 2
  if (at < 0 || at >= 2 * CHUNK_BLOCKS - 1) return false
  return (((chunk.coming[set + (at >>> 5)] ?? 0) >>> (at & 31)) & 1) === 1
}

/** Marks the nodes on the way up from a leaf, and their siblings, as far as they lie in the chunk. */
function promise(chunk: Chunk, set: number, leaf: number, nodes: number): void {
  let at = leaf - chunk.first * 2
  let step = 2
  mark(chunk, set, at)
  for (let level = 0; level < nodes && level < 6; level++) {
    const sibling = (at & step) === 0 ? at + step : at - step
    mark(chunk, set, sibling)
    at = (at + sibling) / 2
    mark(chunk, set, at)
    step *= 2
  }
}

function mark(chunk: Chunk, set: number, at: number): void {
  const word = set + (at >>> 5)
  chunk.coming[word] = (chunk.coming[word] ?? 0) | (1 << (at & 31))
}
