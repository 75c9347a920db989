/**
 * Old files as somebody who can be asked for blocks.
 *
 *   a read that waits ──▶ is the block in the files? ──verified, by `adopt`──▶ the store ──▶ the read goes on
 *                                    └──no──▶ peers, if there is a network
 *
 * Owns: the way of single blocks from files into a store, so that looking at one file of a large archive takes over that
 * file only. Always true: nothing reaches the store but by `adopt`, which proves it; one range is taken at a time; what
 * the files claim to hold and cannot prove is an error that says why, never silence.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { Mutex } from '@dat-rhino/core/base/mutex'
import type { AdoptReport, DamageReason } from '@dat-rhino/core/log/adopt'
import type { CopyClaim, ReplicatedOptions } from '@dat-rhino/core/log/copies'
import type { ExtensionPeer } from '@dat-rhino/core/log/extensions'
import type { Log } from '@dat-rhino/core/log/log'
import type { Fetching, PeerStats, RangeRequest, Remote, Wait } from '@dat-rhino/core/log/remote'
import type { StoredLog, StoredNode } from '@dat-rhino/core/log/stored-log'
import { firstBlock, fullRoots, leftChild, rightChild } from '@dat-rhino/core/tree/flat'
import type { StoredProblem } from '../migrate/types.ts'

/** Blocks that are taken with one that is asked for, and at once of a range: each time costs a walk over the log's length. */
const AHEAD_BLOCKS = 64
const RANGE_BLOCKS = 1_024

const REASONS: Readonly<Record<DamageReason, string>> = {
  unreadable: 'its bytes are not there',
  changed: 'its bytes are not those that were published',
  unproved: 'nothing that its author signed leads to it',
}

/** What blocks of one log come from. */
export interface FilesSource {
  readonly stored: StoredLog
  /** What was found wrong in the files; it grows while they are read. */
  readonly problems: readonly StoredProblem[]
  /** Whoever closed the files. */
  readonly closed: boolean
}

/** Stands before the remote that a log has, from now on until the log is closed. `isAlone`: nobody else can be asked. */
export function askFilesFirst(log: Log, source: FilesSource, isAlone: boolean): void {
  const { replica } = log
  const peers = replica.remote
  if (peers !== undefined) replica.remote = new FilesRemote(log, source, peers, isAlone)
}

class FilesRemote implements Remote {
  readonly #log: Log
  readonly #source: FilesSource
  readonly #peers: Remote
  readonly #isAlone: boolean
  readonly #mutex = new Mutex()
  /** Older signatures have been looked at. */
  #hasAllHeads = false

  constructor(log: Log, source: FilesSource, peers: Remote, isAlone: boolean) {
    this.#log = log
    this.#source = source
    this.#peers = peers
    this.#isAlone = isAlone
  }

  get peerCount(): number {
    return this.#peers.peerCount
  }

  get remoteContiguousLength(): number {
    return this.#peers.remoteContiguousLength
  }

  peers(): PeerStats[] {
    return this.#peers.peers()
  }

  async block(index: number, wait: Wait): Promise<void> {
    const report = await this.#take(index, index + AHEAD_BLOCKS)
    if (this.#log.replica.has(index)) return
    if (this.#isAlone) throw this.#notHere(index, report)
    await this.#peers.block(index, wait)
  }

  update(wait: Wait): Promise<boolean> {
    return this.#isAlone ? Promise.resolve(false) : this.#peers.update(wait)
  }

  /** The nodes that locate a byte are those that lead to its block. */
  async seek(position: number, paddingBytes: number, wait: Wait): Promise<void> {
    const block = paddingBytes === 0 ? blockAt(this.#source.stored, position) : undefined
    if (block !== undefined) await this.block(block, wait)
    else await this.#peers.seek(position, paddingBytes, wait)
  }

  range(range: RangeRequest): Fetching {
    let isCancelled = false
    let rest: Fetching | undefined
    const taking = this.#takeRange(range, () => isCancelled).then(() => {
      if (!isCancelled && !this.#isAlone) rest = this.#peers.range(range)
    })
    // Whoever waits for it is told; nobody has to.
    taking.catch(() => undefined)
    return {
      done: async (wait = {}) => {
        await taking
        await rest?.done(wait)
      },
      cancel: () => {
        isCancelled = true
        rest?.cancel()
      },
    }
  }

  copies(): CopyClaim[] {
    return this.#peers.copies()
  }

  replicated(options: ReplicatedOptions): Promise<CopyClaim[]> {
    return this.#peers.replicated(options)
  }

  extensionPeers(): Iterable<ExtensionPeer> {
    return this.#peers.extensionPeers()
  }

  freezing(): void {
    this.#peers.freezing()
  }

  changed(): void {
    this.#peers.changed()
  }

  /** Takes all of a range that the files hold; fails where they do not, unless peers may have it. */
  async #takeRange(range: RangeRequest, isOver: () => boolean): Promise<void> {
    const { length } = this.#log
    const end = range.end === -1 ? length : Math.min(range.end, length)
    const blocks = range.blocks ?? upTo(range.start, end)
    let takenTo = -1
    for (const block of blocks) {
      if (isOver()) return
      if (this.#log.replica.has(block)) continue
      const isTried = block < takenTo
      if (!isTried) takenTo = Math.min(block + RANGE_BLOCKS, range.blocks ? block + 1 : end)
      const report = isTried ? undefined : await this.#take(block, takenTo)
      if (this.#isAlone && !this.#log.replica.has(block)) throw this.#notHere(block, report)
    }
  }

  /** Takes what the files hold of `[start, end)`, if it is not here; tells what they claim and cannot prove. */
  async #take(start: number, end: number): Promise<AdoptReport | undefined> {
    const release = await this.#mutex.acquire()
    try {
      const { replica } = this.#log
      const { closed, stored } = this.#source
      if (closed || replica.has(start)) return undefined
      const report = await replica.adopt(new Part(stored, { length: replica.length, start, end }))
      const isProved = report.damaged.every(({ reason }) => reason !== 'unproved')
      if (isProved || this.#hasAllHeads) return report
      // What the newest head does not lead to, an older one may.
      this.#hasAllHeads = true
      return await replica.adopt(new Part(stored, { start, end }))
    } finally {
      release()
    }
  }

  #notHere(block: number, report: AdoptReport | undefined): DatError {
    const damage = report?.damaged.find((each) => each.block === block)
    const path = this.#source.problems.find((problem) => problem.block === block)?.path
    const facts = { block, ...(path === undefined ? {} : { path }) }
    if (damage === undefined) {
      const message = `Block ${block} is not in these files: this copy is not complete.`
      return new DatError('NOT_AVAILABLE', message, facts)
    }
    const where = path === undefined ? '' : ` (${path})`
    const message = `Block ${block} is in these files, and cannot be used: ${REASONS[damage.reason]}${where}.`
    return new DatError('NOT_AVAILABLE', message, facts)
  }
}

function* upTo(start: number, end: number): Generator<number> {
  for (let block = start; block < end; block++) yield block
}

/** The block that holds byte `position`, by the sizes of nodes; `undefined` if those are not all there. */
function blockAt(stored: StoredLog, position: number): number | undefined {
  let left = position
  for (const root of fullRoots(stored.length)) {
    const size = stored.node(root)?.size
    if (size === undefined) return undefined
    if (left < size) return blockBelow(stored, root, left)
    left -= size
  }
  return undefined
}

function blockBelow(stored: StoredLog, root: number, position: number): number | undefined {
  let node = root
  let left = position
  while (node % 2 !== 0) {
    const size = stored.node(leftChild(node))?.size
    if (size === undefined) return undefined
    if (left < size) node = leftChild(node)
    else {
      left -= size
      node = rightChild(node)
    }
  }
  return firstBlock(node)
}

/** Which part of a stored log is looked at. */
interface PartOptions {
  /** A length that is signed: the one head that is looked at. Without it, all of them are. */
  readonly length?: number
  /** Blocks from `start` to before `end`; none by default. */
  readonly start?: number
  readonly end?: number
}

/** A stored log that holds no blocks but those of a range. */
export class Part implements StoredLog {
  readonly generation: 1 | 2 | 3
  readonly key: Uint8Array
  readonly secretKey = undefined
  readonly length: number
  readonly fork: number
  readonly manifest: Uint8Array | undefined
  readonly #stored: StoredLog
  readonly #start: number
  readonly #end: number
  readonly #hasAllHeads: boolean

  constructor(stored: StoredLog, { length, start = 0, end = 0 }: PartOptions) {
    this.generation = stored.generation
    this.key = stored.key
    this.length = length ?? stored.length
    this.fork = stored.fork
    this.manifest = stored.manifest
    this.#stored = stored
    this.#start = start
    this.#end = end
    this.#hasAllHeads = length === undefined
  }

  has(block: number): boolean {
    return block >= this.#start && block < this.#end && this.#stored.has(block)
  }

  block(block: number): Uint8Array | undefined {
    return this.#stored.block(block)
  }

  node(index: number): StoredNode | undefined {
    return this.#stored.node(index)
  }

  signature(length: number): Uint8Array | undefined {
    return this.#hasAllHeads || length === this.length ? this.#stored.signature(length) : undefined
  }

  /** It is closed with the store that it belongs to. */
  close(): void {}
}
