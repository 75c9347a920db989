/**
 * A log in SLEEP files, read where it lies.
 *
 * Owns: what the files say, and what to believe where they contradict one another. Always true: nothing is written; no number in
 * a file makes us hold or do more than the files are large; and where the bitfield and the tree speak of
 * different lengths, the one that is signed counts, and it is told. Without a bitfield a block counts as held
 * if its bytes have the hash of its leaf. Sources: the generation 1 log, sections 5 and 7; generation 2, 7.
 */

import { isCode } from '@dat-rhino/core/base/errors'
import { BLOCK_BYTES_MAX, STORED_SIGNATURES_TRIED_MAX } from '@dat-rhino/core/base/limits'
import { equal, isZero } from '@dat-rhino/core/bytes/bytes'
import { readU64BE } from '@dat-rhino/core/bytes/integers'
import { HASH_BYTES } from '@dat-rhino/core/crypto/crypto'
import { GENERATIONS } from '@dat-rhino/core/log/generations'
import type { StoredLog, StoredNode } from '@dat-rhino/core/log/stored-log'
import { BlockPlaces } from './places.ts'
import type { ProblemList } from './problems.ts'
import { signedForm } from './signed.ts'
import {
  blockByteAt,
  isBitSet,
  lengthOfNodes,
  nodeByteAt,
  PAGE_NODES,
  parseSleepHeader,
  SLEEP_HEADER_BYTES,
  SLEEP_NODE_BYTES,
  SLEEP_OLD_PAGE_BYTES,
  SLEEP_PAGE_BYTES,
  SLEEP_SIGNATURE_BYTES,
  type SleepType,
} from './sleep.ts'
import type { DataSource, StoredFile } from './stored-file.ts'

/** The files of one log; those that are not there are `undefined`. */
export interface SleepFiles {
  /** Name of the log's files for messages: a folder, or a folder and the beginning of a name. */
  readonly path: string
  readonly tree: StoredFile | undefined
  readonly bitfield: StoredFile | undefined
  readonly signatures: DataSource | undefined
  readonly data: DataSource | undefined
}

/** Who the log is. */
export interface SleepIdentity {
  readonly key: Uint8Array
  readonly secretKey: Uint8Array | undefined
  /** What such a place holds, where the signatures do not say it. */
  readonly generation: 1 | 2
  /** The data are files that people work with: each block is checked against its leaf before it is given. */
  readonly isLive: boolean
}

export class SleepLog implements StoredLog {
  readonly generation: 1 | 2
  readonly key: Uint8Array
  readonly secretKey: Uint8Array | undefined
  readonly length: number
  readonly fork = 0
  readonly manifest = undefined
  readonly #files: SleepFiles
  readonly #problems: ProblemList
  readonly #isLive: boolean
  readonly #pageBytes: number
  readonly #places: BlockPlaces

  constructor(files: SleepFiles, identity: SleepIdentity, problems: ProblemList) {
    this.#files = files
    this.#problems = problems
    this.#isLive = identity.isLive
    this.key = identity.key
    this.secretKey = identity.secretKey
    this.#places = new BlockPlaces((index) => this.#sizeOf(index))
    const pageBytes = this.#entryBytes(files.bitfield, files.bitfield?.path, 'bitfield')
    this.#pageBytes = pageBytes === SLEEP_OLD_PAGE_BYTES ? pageBytes : SLEEP_PAGE_BYTES
    this.#entryBytes(files.tree, files.tree?.path, 'tree')
    this.#entryBytes(files.signatures, files.signatures?.pathAt(0), 'signatures')
    if (files.data === undefined) this.#tellMissing('data', 'No block can be read.')
    this.length = this.#findLength()
    const form = this.length > 0 ? signedForm(this, this.length) : undefined
    this.generation = form === 'length' ? 2 : identity.generation
    if (form === undefined && this.length > 0) this.#tellUnsigned()
  }

  has(block: number): boolean {
    if (block < 0 || block >= this.length) return false
    const at = blockByteAt(block, this.#pageBytes)
    const byte = this.#files.bitfield?.read(at, 1)
    if (byte !== undefined) return isBitSet(byte[0] ?? 0, block)
    // Pages behind the end of a whole bitfield were never written: nothing of them is held.
    return !this.#isBitfieldWhole() && this.#isGood(block)
  }

  block(block: number): Uint8Array | undefined {
    const bytes = this.#read(block)
    if (!this.#isLive || (bytes !== undefined && this.#fits(block, bytes))) return bytes
    if (this.has(block)) this.#tellEdited(block, bytes !== undefined)
    return undefined
  }

  node(index: number): StoredNode | undefined {
    const bytes = this.#nodeBytes(index)
    if (bytes === undefined) return undefined
    const size = readU64BE(bytes, HASH_BYTES)
    if (size > Number.MAX_SAFE_INTEGER) return undefined
    return { size, hash: bytes.subarray(0, HASH_BYTES) }
  }

  signature(length: number): Uint8Array | undefined {
    if (length < 1) return undefined
    const at = SLEEP_HEADER_BYTES + SLEEP_SIGNATURE_BYTES * (length - 1)
    const bytes = this.#files.signatures?.read(at, SLEEP_SIGNATURE_BYTES)
    return bytes === undefined || isZero(bytes) ? undefined : bytes
  }

  /** Files are closed with the store that they belong to. */
  close(): void {}

  // ---- Blocks ------------------------------------------------------------------------------------

  #read(block: number): Uint8Array | undefined {
    if (block < 0 || block >= this.length) return undefined
    const { data, path } = this.#files
    const places = this.#places
    if (!places.find(block)) {
      const message = 'A node of the tree is missing, without which the block cannot be found.'
      this.#problems.add('damaged', this.#files.tree?.path ?? path, message, block)
      return undefined
    }
    if (places.size > BLOCK_BYTES_MAX) {
      const message = `The tree says that a block has ${places.size} bytes, which none can have.`
      this.#problems.add('damaged', this.#files.tree?.path ?? path, message, block)
      return undefined
    }
    return data?.read(places.at, places.size)
  }

  #tellEdited(block: number, isThere: boolean): void {
    const path = this.#files.data?.pathAt(this.#places.at) ?? this.#files.path
    const message = isThere
      ? 'It is not what was published: edited since.'
      : 'It is gone, or shorter than what was published.'
    this.#problems.add('edited', path, message, block)
  }

  #isGood(block: number): boolean {
    if (this.#nodeBytes(2 * block) === undefined) return false
    const bytes = this.#read(block)
    return bytes !== undefined && this.#fits(block, bytes)
  }

  #fits(block: number, bytes: Uint8Array): boolean {
    const leaf = this.node(2 * block)
    const { hash } = GENERATIONS[1]
    hash.leaf(bytes)
    return leaf !== undefined && leaf.size === bytes.length && equal(leaf.hash, hash.result)
  }

  #sizeOf(index: number): number {
    return this.node(index)?.size ?? -1
  }

  #nodeBytes(index: number): Uint8Array | undefined {
    const at = SLEEP_HEADER_BYTES + SLEEP_NODE_BYTES * index
    const bytes = this.#files.tree?.read(at, SLEEP_NODE_BYTES)
    return bytes === undefined || isZero(bytes) ? undefined : bytes
  }

  // ---- Headers and length ------------------------------------------------------------------------

  #entryBytes(file: DataSource | undefined, path: string | undefined, type: SleepType): number {
    const header = file?.read(0, SLEEP_HEADER_BYTES)
    if (path === undefined) this.#tellMissing(type, CONSEQUENCES[type])
    if (path === undefined || header === undefined) {
      if (path !== undefined) this.#problems.add('cut', path, 'It is shorter than its header.')
      return 0
    }
    try {
      const { type: found, entryBytes } = parseSleepHeader(header)
      if (found === type && ENTRY_BYTES[type].includes(entryBytes)) return entryBytes
      this.#problems.add('damaged', path, `Its header is not that of a ${type} file.`)
    } catch (error) {
      if (!isCode(error, 'CORRUPT_STORE')) throw error
      this.#problems.add('damaged', path, error.message)
    }
    return 0
  }

  #tellMissing(name: string, consequence: string): void {
    this.#problems.add('missing', this.#files.path, `There is no ${name} file. ${consequence}`)
  }

  #isBitfieldWhole(): boolean {
    const { bitfield } = this.#files
    if (bitfield === undefined || bitfield.size < SLEEP_HEADER_BYTES) return false
    return (
      (bitfield.size - SLEEP_HEADER_BYTES) % this.#pageBytes === 0 &&
      bitfield.size > SLEEP_HEADER_BYTES
    )
  }

  #findLength(): number {
    const { bitfield, tree } = this.#files
    const treeNodes = Math.floor(((tree?.size ?? 0) - SLEEP_HEADER_BYTES) / SLEEP_NODE_BYTES)
    const byTree = lengthOfNodes((index) => this.#nodeBytes(index) !== undefined, treeNodes)
    const bits = Math.max(0, (bitfield?.size ?? 0) - SLEEP_HEADER_BYTES)
    if (bits > 0 && bits % this.#pageBytes !== 0) {
      this.#problems.add('cut', bitfield?.path ?? '', 'Its last page is cut short.')
    }
    const pages = Math.ceil(bits / this.#pageBytes)
    const byBits = lengthOfNodes((index) => this.#isNodeSet(index), pages * PAGE_NODES)
    if (byBits === byTree) return byBits
    const length = this.#signedAmong(byBits, byTree)
    const message = `The bitfield speaks of ${byBits} blocks and the tree of ${byTree}; ${length} are taken.`
    if (bitfield !== undefined && tree !== undefined) {
      this.#problems.add('inconsistent', this.#files.path, message)
    }
    return length
  }

  #isNodeSet(index: number): boolean {
    const byte = this.#files.bitfield?.read(nodeByteAt(index, this.#pageBytes), 1)
    return byte !== undefined && isBitSet(byte[0] ?? 0, index)
  }

  /** The largest length up to both accounts that is signed; without one, what the bitfield says, if it says something. */
  #signedAmong(byBits: number, byTree: number): number {
    const longest = Math.max(byBits, byTree)
    if (signedForm(this, longest) !== undefined) return longest
    let tried = 0
    for (let length = longest - 1; length > 0 && tried < STORED_SIGNATURES_TRIED_MAX; length--) {
      if (this.signature(length) === undefined) continue
      if (signedForm(this, length) !== undefined) return length
      tried++
    }
    if (signedForm(this, byTree) !== undefined) return byTree
    return byBits > 0 ? byBits : byTree
  }

  #tellUnsigned(): void {
    const message = `The newest of ${this.length} blocks are not signed by the key of the log, or a node above them is missing.`
    this.#problems.add('inconsistent', this.#files.path, message)
  }
}

const ENTRY_BYTES: Readonly<Record<SleepType, readonly number[]>> = {
  bitfield: [SLEEP_PAGE_BYTES, SLEEP_OLD_PAGE_BYTES],
  signatures: [SLEEP_SIGNATURE_BYTES],
  tree: [SLEEP_NODE_BYTES],
}

const CONSEQUENCES: Readonly<Record<SleepType, string>> = {
  bitfield: 'What is held is found out from the tree and the data.',
  signatures: 'Only a log whose key is its hash can be proved without.',
  tree: 'Where blocks begin is not known, nor what they should be.',
}
