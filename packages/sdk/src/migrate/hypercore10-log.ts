/**
 * A log in the files of hypercore 10, read where it lies.
 *
 *     oplog   header and newest changes      tree   u64le size | hash, 40 bytes for each node
 *     data    blocks back to back            bitfield   pages of 4,096 bytes; bit 0 is the lowest of a byte
 *
 * Owns: the files with the changes of the oplog laid over them, as hypercore 10 does when it opens a log. Nothing is
 * written. Blocks behind the length of the newest tree do not exist, whatever the bits say.
 * Source: the corestore specification, section 9.
 */

import { crc32 } from 'node:zlib'
import { DatError } from '@dat-rhino/core/base/errors'
import { BLOCK_BYTES_MAX } from '@dat-rhino/core/base/limits'
import { Bitfield } from '@dat-rhino/core/bytes/bitfield'
import { isZero } from '@dat-rhino/core/bytes/bytes'
import { readU64LE } from '@dat-rhino/core/bytes/integers'
import { HASH_BYTES } from '@dat-rhino/core/crypto/crypto'
import type { StoredLog, StoredNode } from '@dat-rhino/core/log/stored-log'
import { fullRoots } from '@dat-rhino/core/tree/flat'
import { type Oplog, parseOplog } from './oplog.ts'
import type { OplogHeader } from './oplog-header.ts'
import { BlockPlaces } from './places.ts'
import type { ProblemList } from './problems.ts'
import type { StoredFile } from './stored-file.ts'

/** Largest oplog that is read; hypercore 10 flushes it far below. */
const OPLOG_BYTES_MAX = 256 * 1024 * 1024
const NODE_BYTES = 40

/** The files of one log; those that are not there are `undefined`. */
export interface Hypercore10Files {
  /** Their folder. */
  readonly path: string
  readonly tree: StoredFile | undefined
  readonly bitfield: StoredFile | undefined
  readonly data: StoredFile | undefined
}

/** Reads an oplog. Damage that leaves it usable is told. Throws `CORRUPT_STORE` if it is not. */
export function loadOplog(
  oplog: StoredFile,
  header: StoredFile | undefined,
  problems: ProblemList,
): Oplog {
  const bytes = oplog.size <= OPLOG_BYTES_MAX ? oplog.read(0, oplog.size) : undefined
  if (bytes === undefined) {
    throw new DatError('CORRUPT_STORE', `${oplog.path} cannot be read as a whole.`, {
      path: oplog.path,
    })
  }
  const found = parseOplog(bytes, crc32, (at, length) => header?.read(at, length))
  if (found.isSlotDamaged) {
    const message =
      'One of its two headers cannot be read; what it said may be newer than what is shown.'
    problems.add('damaged', oplog.path, message)
  }
  if (found.leftBytes > 0) {
    const message = `Its last ${found.leftBytes} bytes are no entry: a write that was cut short, or damage.`
    problems.add('cut', oplog.path, message)
  }
  oplog.release()
  return found
}

/** One log of hypercore 10. Its files are closed with the store that they belong to. */
export class Hypercore10Log implements StoredLog {
  readonly generation = 3
  readonly key: Uint8Array
  readonly secretKey: Uint8Array | undefined
  readonly manifest: Uint8Array | undefined
  readonly length: number
  readonly fork: number
  readonly userData: ReadonlyMap<string, Uint8Array>
  readonly #files: Hypercore10Files
  readonly #problems: ProblemList
  readonly #signature: Uint8Array | undefined
  /** Nodes that are newer than the file's. */
  readonly #nodes = new Map<number, StoredNode>()
  /** Blocks of which the oplog speaks, and those of them that are held. */
  readonly #touched = new Bitfield()
  readonly #held = new Bitfield()
  readonly #places = new BlockPlaces((index) => this.node(index)?.size ?? -1)

  constructor(files: Hypercore10Files, header: OplogHeader, oplog: Oplog, problems: ProblemList) {
    this.#files = files
    this.#problems = problems
    this.key = header.key
    this.secretKey = header.secretKey
    this.manifest = header.manifest
    let { fork, length, signature } = header
    const userData = new Map(header.userData)
    for (const entry of oplog.entries) {
      this.#replay(entry, userData)
      if (entry.upgrade !== undefined) ({ fork, length, signature } = entry.upgrade)
    }
    this.fork = fork
    this.length = this.#believable(length)
    this.#signature = signature
    this.userData = userData
    this.#tellMissing()
  }

  has(block: number): boolean {
    if (block < 0 || block >= this.length) return false
    if (this.#touched.get(block)) return this.#held.get(block)
    const byte = this.#files.bitfield?.read(Math.floor(block / 8), 1)
    return byte !== undefined && (((byte[0] ?? 0) >> (block % 8)) & 1) === 1
  }

  block(block: number): Uint8Array | undefined {
    if (block < 0 || block >= this.length) return undefined
    const { path, data } = this.#files
    const places = this.#places
    if (!places.find(block) || places.size > BLOCK_BYTES_MAX) {
      const message =
        'A node of the tree is missing or damaged, without which the block cannot be found.'
      this.#problems.add('damaged', this.#files.tree?.path ?? path, message, block)
      return undefined
    }
    return data?.read(places.at, places.size) ?? (places.size === 0 ? new Uint8Array(0) : undefined)
  }

  node(index: number): StoredNode | undefined {
    const newer = this.#nodes.get(index)
    if (newer !== undefined) return newer
    const bytes = this.#files.tree?.read(NODE_BYTES * index, NODE_BYTES)
    if (bytes === undefined || isZero(bytes)) return undefined
    const size = readU64LE(bytes, 0)
    return size > Number.MAX_SAFE_INTEGER
      ? undefined
      : { size, hash: bytes.subarray(8, 8 + HASH_BYTES) }
  }

  signature(length: number): Uint8Array | undefined {
    return length === this.length ? this.#signature : undefined
  }

  close(): void {}

  #replay(entry: Oplog['entries'][number], userData: Map<string, Uint8Array>): void {
    if (entry.userData !== undefined) {
      const { name, value } = entry.userData
      if (value === undefined) userData.delete(name)
      else userData.set(name, value)
    }
    for (const { index, size, hash } of entry.nodes) this.#nodes.set(index, { size, hash })
    if (entry.bits === undefined) return
    const { drop, start, length } = entry.bits
    const end = Math.min(start + length, Number.MAX_SAFE_INTEGER)
    this.#touched.setRange(start, end, true)
    this.#held.setRange(start, end, !drop)
  }

  /** The length, or what the files are large enough for if its roots are not there: it may be any number then. */
  #believable(length: number): number {
    const { path, tree, bitfield } = this.#files
    if (fullRoots(length).every((index) => this.node(index) !== undefined)) return length
    this.#problems.add('damaged', tree?.path ?? path, 'A root of the newest tree is missing.')
    const inTree = Math.ceil((tree?.size ?? 0) / NODE_BYTES / 2) + this.#nodes.size
    return Math.min(length, Math.max(inTree, 8 * (bitfield?.size ?? 0)))
  }

  #tellMissing(): void {
    const { path, data, tree, bitfield } = this.#files
    if (this.length === 0) return
    const tell = (name: string): void =>
      this.#problems.add('missing', path, `There is no ${name} file, though the log has blocks.`)
    if (data === undefined && (bitfield !== undefined || this.#held.runCount > 0)) tell('data')
    if (bitfield === undefined && tree !== undefined) tell('bitfield')
  }
}
