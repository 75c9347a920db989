/**
 * Asking peers which blocks a read of a trie will need, and telling peers who ask.
 *
 *     get(key)  ──▶ "get" to all peers ──▶ each walks its own blocks ──▶ "cache": these blocks ──▶ fetched at once
 *
 * Owns: one trie's use of the extension `hypertrie`. A read of a key that is d steps away takes two round trips
 * instead of d. How far hints are believed is `../hinted.ts`. Always true: an answer is made of local blocks alone, no
 * request costs more than `TRIE_HINT_BLOCKS_MAX` of them, and `TRIE_ANSWERS_MAX` are worked at, others are dropped.
 * Source: the hypertrie specification, section 10.
 */

import type { Clock } from '../../base/clock.ts'
import {
  TRIE_ANSWERS_MAX,
  TRIE_CHECKPOINT_BYTES_MAX,
  TRIE_HINT_BLOCKS_MAX,
} from '../../base/limits.ts'
import { Pace } from '../../base/pace.ts'
import { binary } from '../../bytes/encodings.ts'
import type { Extension, ExtensionPeer } from '../../log/extensions.ts'
import { HintedDownloads } from '../hinted.ts'
import type { LogReader } from '../source.ts'
import { ANSWER_CACHE_BYTES, Traced } from '../traced.ts'
import { Cursor } from './cursor.ts'
import { ABSENT, find, MISSING, wantedDigits } from './find.ts'
import {
  decodeTrieHint,
  encodeTrieHint,
  TRIE_HINTS_EXTENSION,
  type TrieGetHint,
  type TrieHint,
  type TrieIteratorHint,
} from './hints.ts'
import { type Nodes, openNodes } from './nodes.ts'
import { type Hash, normalized, Path } from './path.ts'

/** Hints of one trie, both ways. */
export class TrieHinting {
  readonly #source: LogReader
  readonly #clock: Clock
  readonly #hash: Hash | undefined
  readonly #extension: Extension<Uint8Array> | undefined
  readonly #downloads: HintedDownloads
  /** Answers that we are at. */
  #answers = 0

  constructor(source: LogReader, clock: Clock, hash?: Hash) {
    this.#source = source
    this.#clock = clock
    this.#hash = hash
    this.#downloads = new HintedDownloads(source, TRIE_HINT_BLOCKS_MAX)
    // Without an encoding of its own: hypertrie sends protobuf as it is, without a length in front.
    this.#extension = source.extension?.(TRIE_HINTS_EXTENSION, {
      ...binary,
      onMessage: (message, peer) => this.#onMessage(message, peer),
    })
  }

  /** Asks all peers. Call what is returned when the read has ended; `undefined`: there is nothing to ask yet. */
  ask(question: TrieGetHint | TrieIteratorHint): (() => void) | undefined {
    if (this.#extension === undefined || question.head < 1) return undefined
    const isOver = this.#downloads.begin()
    this.#extension.broadcast(encodeTrieHint(bounded(question)))
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
    else if (hint.head > 0 && hint.head < this.#source.length) return this.#answer(hint, peer)
  }

  async #answer(hint: TrieGetHint | TrieIteratorHint, peer: ExtensionPeer): Promise<void> {
    if (this.#answers === TRIE_ANSWERS_MAX) return
    this.#answers++
    const traced = new Traced(this.#source)
    const nodes = openNodes(traced, ANSWER_CACHE_BYTES, this.#hash)
    try {
      if (hint.type === 'get') this.#lookUp(nodes, hint)
      else await this.#walk(nodes, hint, traced.seen, peer)
    } catch {
      // A damaged trie is for those to report who read it; what was seen of it may still help.
    } finally {
      this.#answers--
      nodes.close()
    }
    this.#tell(traced, peer)
  }

  /** The question does not say which half is meant. There is little in the hidden one, so that the way is short. */
  #lookUp(nodes: Nodes, { head, key }: TrieGetHint): void {
    for (const hidden of [false, true]) {
      const path = new Path(normalized(key), hidden, this.#hash)
      find(nodes, head + 1, path, wantedDigits(path, false))
    }
  }

  async #walk(
    nodes: Nodes,
    hint: TrieIteratorHint,
    seen: ReadonlySet<number>,
    peer: ExtensionPeer,
  ): Promise<void> {
    const { head, key, checkpoint } = hint
    const pace = new Pace(this.#clock)
    const cursor = new Cursor(nodes, head + 1, normalized(key), hint, this.#hash)
    if (checkpoint.length > 0) cursor.resume(checkpoint)
    for (let steps = 0; steps < TRIE_HINT_BLOCKS_MAX; steps++) {
      if (seen.size >= TRIE_HINT_BLOCKS_MAX || peer.closed) return
      const seq = cursor.next()
      if (seq === ABSENT || seq === MISSING) return
      if (pace.due()) await pace.turn()
    }
  }

  #tell(traced: Traced, peer: ExtensionPeer): void {
    for (const hint of traced.hints(TRIE_HINT_BLOCKS_MAX))
      this.#extension?.send(encodeTrieHint(hint), peer)
  }
}

/** A walk that stands in more places than a message may name asks from its beginning. */
function bounded<T extends TrieGetHint | TrieIteratorHint>(question: T): T {
  if (question.type !== 'iterator') return question
  if (question.checkpoint.length <= TRIE_CHECKPOINT_BYTES_MAX) return question
  return { ...question, checkpoint: new Uint8Array(0) }
}

/** A message that is none is ignored. */
function decoded(message: Uint8Array): TrieHint | undefined {
  try {
    return decodeTrieHint(message)
  } catch {
    return undefined
  }
}
