/**
 * Asking peers which blocks a read will need, and telling peers who ask.
 *
 *     get(key)  ──▶ "get" to all peers ──▶ each walks its own blocks ──▶ "cache": these blocks ──▶ fetched at once
 *
 * Owns: one bee's use of the extension `hyperbee`. A read that goes down a tree of depth d takes two round trips
 * instead of d. How far hints are believed is `hinted.ts`. Always true: an answer is made of local blocks alone, and
 * no request costs more than `BEE_HINT_BLOCKS_MAX` of them.
 * Source: the hyperbee specification, section 8.
 */

import type { Clock } from '../base/clock.ts'
import { BEE_HINT_BLOCKS_MAX } from '../base/limits.ts'
import { Pace } from '../base/pace.ts'
import type { Extension, ExtensionPeer } from '../log/extensions.ts'
import { Blocks } from './blocks.ts'
import { Cursor } from './cursor.ts'
import { ABSENT, find, MISSING } from './find.ts'
import { HintedDownloads } from './hinted.ts'
import {
  decodeHint,
  encodeHint,
  type GetHint,
  HINTS_EXTENSION,
  type Hint,
  type IteratorHint,
} from './hints.ts'
import type { LogReader } from './source.ts'
import { ANSWER_CACHE_BYTES, Traced } from './traced.ts'
import type { BeeRange } from './types.ts'

/** Hints of one bee, both ways. */
export class Hinting {
  readonly #source: LogReader
  readonly #clock: Clock
  readonly #extension: Extension<Uint8Array> | undefined
  readonly #downloads: HintedDownloads

  constructor(source: LogReader, clock: Clock) {
    this.#source = source
    this.#clock = clock
    this.#downloads = new HintedDownloads(source, BEE_HINT_BLOCKS_MAX)
    this.#extension = source.extension?.(HINTS_EXTENSION, {
      onMessage: (message, peer) => this.#onMessage(message, peer),
    })
  }

  /** Asks all peers. Call what is returned when the read has ended; `undefined`: there is nothing to ask yet. */
  ask(question: GetHint | IteratorHint): (() => void) | undefined {
    if (this.#extension === undefined || question.version <= 1) return undefined
    const isOver = this.#downloads.begin()
    this.#extension.broadcast(encodeHint(question))
    return isOver
  }

  close(): void {
    this.#extension?.close()
    this.#downloads.cancel()
  }

  #onMessage(message: Uint8Array, peer: ExtensionPeer): Promise<void> | void {
    const hint = decoded(message)
    if (hint === undefined) return
    if (hint.type === 'cache') this.#downloads.take(hint.blocks, peer)
    else if (hint.version > 1 && hint.version <= this.#source.length) {
      return hint.type === 'get' ? this.#answerGet(hint, peer) : this.#answerIterator(hint, peer)
    }
  }

  #answerGet({ version, key }: GetHint, peer: ExtensionPeer): void {
    const traced = new Traced(this.#source)
    const blocks = new Blocks(traced, ANSWER_CACHE_BYTES)
    try {
      find(blocks, version, key)
    } catch {
      // A damaged tree is for those to report who read it; what was seen of it may still help.
    } finally {
      blocks.close()
    }
    this.#tell(traced, peer)
  }

  async #answerIterator(hint: IteratorHint, peer: ExtensionPeer): Promise<void> {
    const traced = new Traced(this.#source)
    const blocks = new Blocks(traced, ANSWER_CACHE_BYTES)
    const pace = new Pace(this.#clock)
    try {
      const cursor = new Cursor(blocks, hint.version, rangeOf(blocks, hint))
      let left = hint.limit === 0 ? Number.POSITIVE_INFINITY : hint.limit
      while (left-- > 0 && traced.seen.size < BEE_HINT_BLOCKS_MAX && !peer.closed) {
        const seq = cursor.next()
        if (seq === ABSENT || seq === MISSING) break
        traced.seen.add(seq)
        if (pace.due()) await pace.turn()
      }
    } catch {
      // As above.
    } finally {
      blocks.close()
    }
    this.#tell(traced, peer)
  }

  #tell(traced: Traced, peer: ExtensionPeer): void {
    for (const hint of traced.hints(BEE_HINT_BLOCKS_MAX))
      this.#extension?.send(encodeHint(hint), peer)
  }
}

/** A message that is none is ignored. */
function decoded(message: Uint8Array): Hint | undefined {
  try {
    return decodeHint(message)
  } catch {
    return undefined
  }
}

/**
 * The range that is left of a walk. The checkpoint tells how far it got: at each level a block, a position and the
 * next place; the key before that place was passed, the one that is lowest in the tree last.
 */
function rangeOf(blocks: Blocks, hint: IteratorHint): BeeRange {
  const { gt, gte, lt, lte, reverse, checkpoint } = hint
  for (let at = checkpoint.length - 3; at >= 0; at -= 3) {
    const [seq = 0, position = 0, place = 0] = checkpoint.slice(at, at + 3)
    const level = seq < hint.version ? blocks.level(seq, position) : undefined
    const passed = reverse ? (place + 1) >>> 1 : (place >>> 1) - 1
    if (level === undefined || passed < 0 || passed >= level.keys.length) continue
    const key = blocks.key(level.keys[passed] ?? 0)
    if (key !== undefined) return reverse ? { gt, gte, lte: key, reverse } : { gte: key, lt, lte }
  }
  return { gt, gte, lt, lte, reverse }
}
