/**
 * Blocks that peers say a read will need, and the downloads that come of it.
 *
 * Owns: how far hints are believed. They are taken while a read of ours waits, for blocks of the known length, so many
 * from each peer and from so many peers; their downloads end with the last read. So a hint starts downloads and does
 * nothing else: every block comes with its proof, and a read finds what it would have found without.
 */

import type { ExtensionPeer } from '../log/extensions.ts'
import type { Download } from '../log/remote.ts'
import type { LogReader } from './source.ts'

/** Peers whose hints are followed while one read waits. */
const HINTING_PEERS_MAX = 16

export class HintedDownloads {
  readonly #source: LogReader
  readonly #blocksMax: number
  /** Reads that wait for an answer. */
  #asking = 0
  /** Blocks taken from each peer since the last question. */
  readonly #taken = new Map<ExtensionPeer, number>()
  #downloads: Download[] = []

  /** @param blocksMax blocks that one peer may name for each question */
  constructor(source: LogReader, blocksMax: number) {
    this.#source = source
    this.#blocksMax = blocksMax
  }

  /** A read asks now. Call what is returned when it has ended. */
  begin(): () => void {
    this.#asking++
    this.#taken.clear()
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      if (--this.#asking === 0) this.cancel()
    }
  }

  /** What a peer named. */
  take(hinted: readonly number[], peer: ExtensionPeer): void {
    if (this.#asking === 0) return
    const taken = this.#taken.get(peer) ?? 0
    if (taken === 0 && this.#taken.size >= HINTING_PEERS_MAX) return
    const { length } = this.#source
    // What is named counts, whether we want it or not: a liar's hints are spent soonest.
    const named = hinted.slice(0, this.#blocksMax - taken)
    this.#taken.set(peer, taken + named.length)
    const blocks = [...new Set(named)].filter((seq) => seq < length && !this.#source.has(seq))
    if (blocks.length === 0) return
    blocks.sort((a, b) => a - b)
    this.#downloads.push(this.#source.download({ blocks }))
  }

  cancel(): void {
    for (const download of this.#downloads) download.cancel()
    this.#downloads = []
    this.#taken.clear()
  }
}
