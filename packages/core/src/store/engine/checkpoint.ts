/**
 * Writing the index: so that the next opening has little to replay, and memory little to hold.
 *
 * Owns: the order that makes it safe. The stations:
 *
 * 1. In one turn, with nothing staged: the changed pages of the changed logs go to the page log, those below before
 *    those above; the changed records go into a frame that names the end of the data log. This is the snapshot.
 * 2. Page log and data log are synced.
 * 3. The frame is appended to the index file, or the file is written anew with it, and synced.
 * 4. What the snapshot before this one no longer needed may go (`reclaim.ts`).
 *
 * A crash before 3 is complete leaves the index as it was, with all that it refers to. The cost follows the work
 * done since the last time, never the number of logs. One checkpoint runs at a time.
 */

import type { Clock } from '../../base/clock.ts'
import { Writer } from '../../bytes/cursor.ts'
import type { Crc32 } from '../crc32.ts'
import type { Commits } from './commits.ts'
import { KIND_DATA, KIND_PAGES } from './format.ts'
import { beginFrame } from './frames.ts'
import type { IndexFile } from './index-file.ts'
import {
  writeBase,
  writeGone,
  writeIdentityItem,
  writeRemoved,
  writeSegment,
  writeState,
  writeUsed,
  writeUserData,
} from './index-items.ts'
import type { LogTable } from './log-table.ts'
import type { Page } from './page.ts'
import type { PageCache } from './page-cache.ts'
import { FANOUT, makeRef, refAddress } from './page-layout.ts'
import type { SegmentLog } from './segments.ts'
import type { SlotState } from './slot-state.ts'
import type { Syncer } from './syncer.ts'

/** The parts of the store that a checkpoint touches. */
export interface CheckpointParts {
  readonly clock: Clock
  readonly crc32: Crc32
  readonly data: SegmentLog
  readonly pages: SegmentLog
  readonly cache: PageCache
  readonly logs: LogTable
  readonly commits: Commits
  readonly syncer: Syncer
  readonly index: IndexFile
  /** See `Disk.identity`. */
  readonly identity: string
  /** False in durability mode `none`. */
  readonly syncs: boolean
}

/** What a snapshot took over from the logs, so that a failed checkpoint can give it back. */
interface Taken {
  readonly states: readonly SlotState[]
  /** Names of user data that the frame tells. */
  readonly userData: ReadonlyMap<SlotState, ReadonlySet<string>>
  readonly removed: readonly number[]
  readonly gone: readonly Gone[]
  readonly used: ReadonlyMap<number, number>
}

/** A segment that was deleted. */
interface Gone {
  readonly kind: number
  readonly start: number
}

/** Pages are written to the page log in pieces of about this size. */
const PIECE_BYTES = 1_048_576

export class Checkpointer {
  /** Checkpoints since the store was opened: the last that is on the disk. */
  durable = 0
  /** End of the data log that it names; what lies behind would be replayed. */
  position: number
  /** The index file is to be written anew, whatever it holds. */
  mustRewrite = false
  readonly #parts: CheckpointParts
  #snapshot = 0
  #gone: Gone[] = []

  constructor(parts: CheckpointParts, position: number) {
    this.#parts = parts
    this.position = position
  }

  /** Number of the first checkpoint that will know what is committed now. */
  get next(): number {
    return this.#snapshot + 1
  }

  /** A segment was deleted: the next frame says so. */
  dropped(kind: number, start: number): void {
    this.#gone.push({ kind, start })
  }

  /**
   * Runs one checkpoint. Nothing may be staged when it is called. Throws `STORE_FULL`, after which everything is as
   * before, or `IO`, after which the store must not be written any more.
   */
  async run(): Promise<void> {
    const { index, syncer, pages, data, syncs } = this.#parts
    const rewrite = this.mustRewrite || index.hasGarbage
    this.#writePages()
    const position = data.end
    const taken = this.#take()
    const frame = this.#encode(taken, rewrite)
    const number = ++this.#snapshot
    this.#markEmpty(number)
    try {
      if (syncs) {
        await pages.sync()
        await syncer.force(position)
      }
      if (rewrite) await index.rewrite(frame, () => this.#pause())
      else await index.append(frame)
    } catch (error) {
      this.#giveBack(taken)
      throw error
    }
    this.mustRewrite = false
    this.position = position
    this.durable = number
    const { logs } = this.#parts
    for (const log of taken.removed) logs.removed.delete(log)
    for (const [log, hour] of taken.used) {
      if (logs.usedNow.get(log) === hour) logs.usedNow.delete(log)
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.soon(resolve))
  }

  // ---- Pages ----

  /** Writes the changed pages; they count as stored from here on, because only the next frame will refer to them. */
  #writePages(): void {
    const { pages, logs } = this.#parts
    const start = pages.end
    const writer = new Writer(PIECE_BYTES)
    const written: Page[] = []
    try {
      // The page's address must be known before its parent is written: pieces lie one behind the other.
      for (const state of logs.changed) {
        const { root } = state.tree
        if (root?.dirty) this.#collect(root, writer, written)
      }
      this.#flush(writer)
    } catch (error) {
      // The pages stay in memory as they are: no ref to a page that is dirty is ever followed.
      pages.shrink(start)
      throw error
    }
    let address = start
    for (const page of written) address = this.#stored(page, address)
  }

  /** Appends the changed pages of a subtree, those below first. */
  #collect(page: Page, writer: Writer, written: Page[]): void {
    for (let i = 0; i < page.children.length; i++) {
      const child = page.children[i]
      if (child?.dirty !== true) continue
      this.#collect(child, writer, written)
      const address = this.#parts.pages.end + writer.at - child.bytes.length
      page.setEntry(child.number % FANOUT, makeRef(address, child.roomClass))
    }
    page.seal(page.tree.log, this.#parts.crc32)
    writer.fixed(page.bytes)
    written.push(page)
    if (writer.at >= PIECE_BYTES) this.#flush(writer)
  }

  #flush(writer: Writer): void {
    if (writer.at === 0) return
    this.#parts.pages.append(writer.view())
    writer.reset()
  }

  /** A page was written at `address`; returns the address behind it. */
  #stored(page: Page, address: number): number {
    const { pages, cache } = this.#parts
    const { length } = page.bytes
    if (page.ref !== 0) pages.addLive(refAddress(page.ref), -page.storedBytes, -1)
    pages.addLive(address, length, 1)
    page.ref = makeRef(address, page.roomClass)
    page.storedBytes = length
    cache.markClean(page)
    return address + length
  }

  // ---- The frame ----

  #take(): Taken {
    const { logs } = this.#parts
    const states = [...logs.changed]
    const userData = new Map<SlotState, ReadonlySet<string>>()
    for (const state of states) {
      const { tree, changedUserData } = state
      tree.rootRef = tree.root?.ref ?? tree.rootRef
      if (changedUserData !== undefined) userData.set(state, changedUserData)
    }
    const removed = [...logs.removed]
    const taken = { states, userData, removed, gone: this.#gone, used: new Map(logs.usedNow) }
    logs.changed.clear()
    this.#gone = []
    return taken
  }

  #giveBack(taken: Taken): void {
    const { logs } = this.#parts
    for (const state of taken.states) {
      // One that was removed meanwhile stays removed.
      if (logs.removed.has(state.log)) continue
      state.isIdentityChanged = true
      state.changedUserData = new Set([
        ...(state.changedUserData ?? []),
        ...(taken.userData.get(state) ?? []),
      ])
      logs.changed.add(state)
    }
    this.#gone = [...taken.gone, ...this.#gone]
  }

  #encode(taken: Taken, rewrite: boolean): Writer {
    const { data, pages, logs, commits } = this.#parts
    const writer = beginFrame()
    for (const state of taken.states) encodeState(writer, state)
    for (const log of taken.removed) writeRemoved(writer, log)
    for (const [log, hour] of taken.used) writeUsed(writer, log, hour)
    for (const [kind, log] of [
      [KIND_DATA, data],
      [KIND_PAGES, pages],
    ] as const) {
      for (const segment of log.segments) {
        // The last one always, because it grows.
        const isLast = segment === log.segments.at(-1)
        if (rewrite || segment.changed || isLast) writeSegment(writer, kind, segment)
        segment.changed = false
      }
    }
    for (const { kind, start } of taken.gone) writeGone(writer, kind, start)
    writeBase(writer, {
      position: data.end,
      previous: commits.lastCrc,
      nextLog: logs.next,
      pagesEnd: pages.end,
      identity: this.#parts.identity,
    })
    return writer
  }

  /** Segments in which nothing is live from this checkpoint on. */
  #markEmpty(number: number): void {
    const { data, pages } = this.#parts
    for (const log of [data, pages]) {
      for (const segment of log.segments) {
        // The last one grows beyond what this checkpoint knows.
        if (segment === log.segments.at(-1)) continue
        if (segment.liveItems === 0) segment.emptySince ||= number
        else segment.emptySince = 0
      }
    }
  }
}

function encodeState(writer: Writer, state: SlotState): void {
  if (state.isIdentityChanged) writeIdentityItem(writer, state.log, state.identity)
  writeState(writer, state)
  for (const name of state.changedUserData ?? []) {
    writeUserData(writer, state.log, name, state.userData?.get(name))
  }
  state.isIdentityChanged = false
  state.changedUserData = undefined
}
