/**
 * Emptying segments in which little lives: what lives there is written again at the end of its log.
 *
 * Owns: the choice of segments and the copying. A block is alive if the index says that it stands at exactly this
 * address; its bytes are compared with their hash before they are copied. A page is alive if its parent says so; it
 * is marked as changed, and the next checkpoint writes it elsewhere. A segment that can't be understood is left
 * alone. Work goes in slices, of one record or of some milliseconds; between them others have their turn.
 */

import type { Clock } from '../../base/clock.ts'
import { isCode } from '../../base/errors.ts'
import { CHANGED_LOGS_MAX, SLICE_ITEMS, SLICE_MS } from '../../base/limits.ts'
import { equalAt } from '../../bytes/bytes.ts'
import { crypto, HASH_BYTES } from '../../crypto/crypto.ts'
import { LEAF_PREFIX_BYTES } from '../../tree/hash.ts'
import type { Commits } from './commits.ts'
import { type ItemVisitor, readItems } from './items.ts'
import type { LogTable } from './log-table.ts'
import { LEAF_BLOCKS, makeRef, readSeal, SEAL_BYTES } from './page-layout.ts'
import { RECORD_HEADER_BYTES, type RecordFields, readRecord } from './record.ts'
import type { Segment, SegmentLog } from './segments.ts'
import type { EngineSlot } from './slot.ts'
import type { Staging } from './staging.ts'

/** The parts of the store that rewriting touches. */
export interface RewriteParts {
  readonly clock: Clock
  readonly data: SegmentLog
  readonly pages: SegmentLog
  readonly logs: LogTable
  readonly staging: Staging
  readonly commits: Commits
  /** Size that makes it worth ending the last segment early. */
  readonly rollBytes: number
  /** End of the data log at the last checkpoint. */
  readonly position: () => number
}

/** A block that is written again takes about this much more than its bytes. */
const ITEM_OVERHEAD_BYTES = 32
/** A segment is rewritten when what lives takes less than this part of it. */
const DEAD_PART = 1 / 2
const THOROUGH_PART = 9 / 10
/** Pages marked as changed in one go, until a checkpoint is due. */
const PAGES_BYTES_MAX = 4 * 1024 * 1024

export class Rewriter {
  /** Rewrite also segments of which only a tenth is dead. */
  isThorough = false
  readonly #parts: RewriteParts

  constructor(parts: RewriteParts) {
    this.#parts = parts
  }

  /**
   * Empties what is worth it. Returns whether anything was done, so that a checkpoint is due.
   *
   * @param pause - a turn of the event loop; false to end here
   */
  async run(pause: () => Promise<boolean>): Promise<boolean> {
    const { data, pages, position } = this.#parts
    const wasRolled = this.#rollLast(data)
    let isDone = wasRolled || this.#rollLast(pages)
    for (const segment of data.segments.filter((s) => this.#isWorthIt(data, s))) {
      if (segment.end > position()) continue
      if (await this.#emptyData(segment, pause)) isDone = true
    }
    for (const segment of pages.segments.filter((s) => this.#isWorthIt(pages, s))) {
      if (await this.#emptyPages(segment, pause)) isDone = true
    }
    return isDone
  }

  #isWorthIt(log: SegmentLog, segment: Segment): boolean {
    const isLast = segment === log.segments.at(-1)
    return !isLast && segment.liveItems > 0 && !segment.stuck && this.#isDead(segment)
  }

  /** Ends the last segment if it is mostly dead, so that it can be emptied. */
  #rollLast(log: SegmentLog): boolean {
    const last = log.segments.at(-1)
    if (last === undefined || usedBytes(last) < this.#parts.rollBytes || !this.#isDead(last)) {
      return false
    }
    log.roll()
    return true
  }

  /** Is so much of a segment dead that it is worth copying the rest? By half, copying ends after all. */
  #isDead(segment: Segment): boolean {
    const needed = segment.liveBytes + segment.liveItems * ITEM_OVERHEAD_BYTES
    return needed < usedBytes(segment) * (this.isThorough ? THOROUGH_PART : DEAD_PART)
  }

  // ---- Data ----

  async #emptyData(segment: Segment, pause: () => Promise<boolean>): Promise<boolean> {
    let moved = false
    let address = segment.start
    while (address < segment.end) {
      if (!(await pause()) || !this.#parts.commits.isEmpty) break
      const bytes = this.#readRecord(segment, address)
      if (bytes === undefined) {
        segment.stuck = true
        break
      }
      if (this.#moveRecord(segment, bytes, address)) moved = true
      if (segment.stuck) break
      address += bytes.length
    }
    // Something is said to live here and was not met: looking again would not find it either.
    if (address === segment.end && segment.liveItems > 0) segment.stuck = true
    return moved
  }

  #readRecord(segment: Segment, address: number): Uint8Array | undefined {
    const { data } = this.#parts
    const header = new Uint8Array(RECORD_HEADER_BYTES)
    data.read(header, 0, header.length, address)
    const record: RecordFields | undefined = readRecord(header, 0, address, segment.end - address)
    if (record === undefined) return undefined
    const bytes = new Uint8Array(record.bytes)
    return data.read(bytes, 0, bytes.length, address) === bytes.length ? bytes : undefined
  }

  /** Moves what lives in a record, in one commit. */
  #moveRecord(segment: Segment, bytes: Uint8Array, address: number): boolean {
    const { logs, staging, commits } = this.#parts
    const mover = new Mover(logs, staging, address)
    const mark = commits.mark()
    try {
      readItems(bytes, RECORD_HEADER_BYTES, bytes.length, mover)
    } catch (error) {
      commits.rewind(mark)
      const isDamage = isCode(error, 'CORRUPT_STORE') || isCode(error, 'BAD_FRAME')
      if (!isDamage && !isCode(error, 'OVER_LIMIT')) throw error
      segment.stuck = true
      return false
    }
    if (mover.isDamaged) segment.stuck = true
    commits.write()
    return mover.moved > 0
  }

  // ---- Pages ----

  /** In slices, and as many as one checkpoint should write: what is left has its turn after that. */
  async #emptyPages(segment: Segment, pause: () => Promise<boolean>): Promise<boolean> {
    const { pages, clock, logs } = this.#parts
    const bytes = new Uint8Array(segment.end - segment.start)
    const read = pages.read(bytes, 0, bytes.length, segment.start)
    let marked = 0
    let until = clock.now() + SLICE_MS
    for (let at = 0, seen = 1; at + SEAL_BYTES <= read; seen++) {
      if (marked >= PAGES_BYTES_MAX || logs.changed.size >= CHANGED_LOGS_MAX) return true
      if (seen % SLICE_ITEMS === 0 && clock.now() >= until) {
        if (!(await pause())) return marked > 0
        until = clock.now() + SLICE_MS
      }
      const seal = readSeal(bytes, at)
      if (seal === undefined) {
        segment.stuck = true
        break
      }
      const ref = makeRef(segment.start + at, seal.roomClass)
      if (this.#markPage(seal.log, seal.level, seal.number, ref)) marked += seal.bytes
      at += seal.bytes
    }
    if (marked === 0) segment.stuck = true
    return marked > 0
  }

  #markPage(log: number, level: number, number: number, ref: number): boolean {
    const state = this.#parts.logs.slotIf(log)?.state
    if (state === undefined) return false
    try {
      if (state.tree.refOf(level, number) !== ref) return false
      const page = state.tree.page(level, number, false)
      if (page === undefined || page.dirty) return false
      state.tree.cache.markDirty(page)
      this.#parts.logs.changed.add(state)
      return true
    } catch (error) {
      // A damaged page keeps its segment; the others go.
      if (isCode(error, 'CORRUPT_STORE')) return false
      throw error
    }
  }
}

function usedBytes(segment: Segment): number {
  return segment.end - segment.start - segment.punchedBytes
}

/** Stages the blocks of one record again that are still alive. */
class Mover implements ItemVisitor {
  moved = 0
  /** A block that is alive has not the bytes that its hash says. */
  isDamaged = false
  readonly #logs: LogTable
  readonly #staging: Staging
  readonly #address: number
  readonly #hash = new Uint8Array(HASH_BYTES)
  #slot: EngineSlot | undefined

  constructor(logs: LogTable, staging: Staging, address: number) {
    this.#logs = logs
    this.#staging = staging
    this.#address = address
  }

  log(log: number): void {
    this.#slot = this.#logs.slotIf(log)
  }

  block(index: number, bytes: Uint8Array, at: number, size: number): void {
    const slot = this.#slot
    if (slot === undefined || slot.state.tree.position(index) !== this.#address + at) return
    crypto().hashPart(this.#hash, bytes, at - LEAF_PREFIX_BYTES, at + size)
    const leaf = slot.state.tree.leaf(index, false)
    const node = leaf?.nodeAt(2 * (index % LEAF_BLOCKS)) ?? 0
    if (leaf === undefined || !equalAt(this.#hash, 0, leaf.bytes, node, HASH_BYTES)) {
      this.isDamaged = true
      return
    }
    // Not by the slot: what moves is to make room, so it is not asked whether there is some.
    const to = this.#staging.reserve(slot, index, size)
    this.#staging.bytes.set(bytes.subarray(at, at + size), to)
    slot.putBlock(index)
    this.moved++
  }

  leaf(): void {}
  node(): void {}
  head(): void {}
  truncate(): void {}
  clear(): void {}
  manifest(): void {}
  signature(): void {}
  userData(): void {}
  created(): void {}
  removed(): void {}
}
