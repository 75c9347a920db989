/**
 * Telling peers what we hold.
 *
 * Owns: the blocks that arrived and were not told of yet, and the rules of replication 7.2. Always true: nothing
 * is announced before it is on the disk and below the announced length. A log that is complete is told as one
 * range from 0; otherwise a peer hears of blocks near the end of the log and of those it asked about, and
 * never of what it is known to hold. So who downloads a large log announces it once, when it is whole. A peer
 * that wants receipts for what it sent gets one for each block when that is on the disk, and never for others.
 */

import type { Peer } from './peer.ts'
import type { Shared } from './shared.ts'

/** Blocks this near to the end are news for everybody. */
const RECENT_BLOCKS = 256
interface Run {
  start: number
  end: number
}

export class Announcer {
  readonly #shared: Shared
  #pending: Run[] = []
  #stopWaiting: (() => void) | undefined = undefined

  constructor(shared: Shared) {
    this.#shared = shared
  }

  /** Blocks from 0 on that may be told of. */
  get contiguous(): number {
    const { replica } = this.#shared
    let end = Math.min(replica.slot.contiguousLength, replica.announcedLength)
    for (const run of this.#pending) end = Math.min(end, run.start)
    for (const batch of this.#shared.uncommitted) end = Math.min(end, batch.lowest)
    return end
  }

  /** Runs that wait for the disk. The scheduler asks for nothing more while they are many. */
  get waiting(): number {
    return this.#pending.length
  }

  /** Blocks are held from now on; told as soon as they are on the disk. */
  held(start: number, length: number): void {
    const last = this.#pending.at(-1)
    if (last !== undefined && last.end === start) last.end = start + length
    else this.#pending.push({ start, end: start + length })
    // While others wait for the disk the next sync is for all: to look at each of them for each block would be too much.
    if (this.#stopWaiting === undefined) this.flush()
  }

  /** Blocks are gone: told at once, since claiming less is always true. */
  dropped(start: number, length: number): void {
    this.#forget(start, start + length)
    for (const peer of this.#shared.peers) {
      peer.toldContiguous = Math.min(peer.toldContiguous, start)
      peer.sender.unhave(start, length)
    }
  }

  /** A new conversation begins with what we hold from 0 on. */
  greet(peer: Peer): void {
    this.#tellContiguous(peer, this.contiguous)
  }

  /** Tells all that may be told by now; `isNewHead` if a longer log may be shown since the last time. */
  flush(isNewHead = false): void {
    const ready = this.#takeReady()
    const end = this.contiguous
    const isWhole = end === this.#shared.replica.announcedLength
    for (const peer of this.#shared.peers) {
      // Whoever came before the first head could be shown was greeted with nothing.
      if (isWhole || (isNewHead && peer.toldContiguous === 0)) this.#tellContiguous(peer, end)
      if (!isWhole) for (const run of ready) this.#tellRun(peer, run)
      for (const run of ready) acknowledge(peer, run)
    }
    this.#waitForDisk()
  }

  close(): void {
    this.#pending = []
    this.#waitForDisk()
  }

  #tellContiguous(peer: Peer, end: number): void {
    if (peer.toldContiguous >= end) return
    peer.toldContiguous = end
    peer.sender.have(0, end)
  }

  #tellRun(peer: Peer, run: Run): void {
    const { replica } = this.#shared
    const recent = run.end + RECENT_BLOCKS > replica.announcedLength
    if (!recent && peer.subscriptions?.overlaps(run.start, run.end) !== true) return
    if (peer.has.nextMissing(run.start, run.end) >= run.end) return
    peer.sender.have(run.start, run.end - run.start)
  }

  #takeReady(): Run[] {
    const { replica } = this.#shared
    const ready: Run[] = []
    const left: Run[] = []
    for (const run of this.#pending) {
      // A run grows at its end only, so its last block reaches the disk last.
      const end = Math.min(run.end, replica.announcedLength)
      if (end <= run.start || !replica.isDurable(end - 1)) left.push(run)
      else {
        ready.push({ start: run.start, end })
        if (end < run.end) left.push({ start: end, end: run.end })
      }
    }
    this.#pending = left
    return ready
  }

  /** What lies beyond the announced length waits for that to grow, not for the disk. */
  #waitForDisk(): void {
    const { store, announcedLength } = this.#shared.replica
    if (!this.#pending.some(({ start }) => start < announcedLength)) {
      this.#stopWaiting?.()
      this.#stopWaiting = undefined
    } else this.#stopWaiting ??= store.onSynced(() => this.#onSynced())
  }

  /** Every sync of the store comes here, for all its logs: most of them brought nothing for this one. */
  #onSynced(): void {
    const { replica } = this.#shared
    const isReady = this.#pending.some((run) => {
      return run.start < replica.announcedLength && replica.isDurable(run.start)
    })
    if (isReady) this.flush()
  }

  #forget(start: number, end: number): void {
    const left: Run[] = []
    for (const run of this.#pending) {
      if (run.start < start) left.push({ start: run.start, end: Math.min(run.end, start) })
      if (run.end > end) left.push({ start: Math.max(run.start, end), end: run.end })
    }
    this.#pending = left
  }
}

/** Tells the peer which of the blocks that it sent are kept now. */
function acknowledge(peer: Peer, run: Run): void {
  const { receipts } = peer
  if (receipts === undefined) return
  const kept = [...receipts].filter((block) => block >= run.start && block < run.end)
  kept.sort((a, b) => a - b)
  for (let i = 0; i < kept.length; ) {
    const start = kept[i] ?? 0
    let length = 0
    for (; kept[i] === start + length; i++) {
      receipts.delete(start + length)
      length++
    }
    peer.sender.have(start, length, true)
  }
  if (receipts.size === 0) peer.receipts = undefined
}
