/**
 * Encoding the blocks of a bee, one behind the other in memory that is used again.
 *
 * Owns: the bytes of a block as hyperbee writes them (the grammar is in `block.ts`): packed lists, none where they would be
 * empty, every number and length in its shortest form. A block that was given out is a view: good until `reset`.
 */

import { varintBytes, writeVarint } from '../bytes/integers.ts'

/** Memory for several blocks, at first and at most; a long block has more, until the next `reset`. */
const ROOM_BYTES_MIN = 4_096
const ROOM_BYTES_MAX = 65_536
/** A number of ours, or a tag and a length. */
const NUMBER_BYTES_MAX = 8

/** Up to this length a loop is sooner done than the view that `set` needs. */
const LOOP_BYTES_MAX = 96

const FIELD_1 = 0x0a
const FIELD_2 = 0x12
const FIELD_3 = 0x1a

/** A tree node to be written: blocks of its keys, and the places of its children. */
export interface NodeSource {
  readonly seqs: readonly number[]
  readonly children: readonly { readonly block: number; readonly position: number }[]
}

export class BlockWriter {
  #bytes = new Uint8Array(0)
  #at = 0
  /** Where the block begins, and behind the length of its index. */
  #block = 0
  #index = 0

  /** Gives up the blocks that were given out. */
  reset(): void {
    this.#at = 0
    if (this.#bytes.length > ROOM_BYTES_MAX) this.#bytes = new Uint8Array(0)
  }

  /** Begins a block; its nodes follow. */
  begin(): void {
    this.#block = this.#at
    this.#ensure(0)
    this.#bytes[this.#at] = FIELD_1
    // Two bytes are left for the length: a whole way has 128 bytes and more, up to four levels.
    this.#at += 3
    this.#index = this.#at
  }

  node({ seqs, children }: NodeSource): void {
    const numbers = seqs.length + 2 * children.length
    this.#ensure(NUMBER_BYTES_MAX * numbers)
    const bytes = this.#bytes
    bytes[this.#at] = FIELD_1
    const start = this.#at + 2
    let at = start
    if (seqs.length > 0) {
      bytes[at] = FIELD_1
      const list = at + 2
      at = list
      for (const seq of seqs) at = writeVarint(bytes, at, seq)
      at = endLength(bytes, list, at, 1)
    }
    if (children.length > 0) {
      bytes[at] = FIELD_2
      const list = at + 2
      at = list
      for (const { block, position } of children) {
        at = writeVarint(bytes, at, block)
        at = writeVarint(bytes, at, position)
      }
      at = endLength(bytes, list, at, 1)
    }
    this.#at = endLength(bytes, start, at, 1)
  }

  /** Ends the index; the key follows, and the value, if there is one. */
  endIndex(): void {
    this.#ensure(0)
    this.#at = endLength(this.#bytes, this.#index, this.#at, 2)
  }

  key(bytes: Uint8Array, from: number, length: number): void {
    this.#field(FIELD_2, bytes, from, length)
  }

  value(bytes: Uint8Array, from: number, length: number): void {
    this.#field(FIELD_3, bytes, from, length)
  }

  /** Gives out the block. */
  end(): Uint8Array {
    return this.#bytes.subarray(this.#block, this.#at)
  }

  #field(tag: number, content: Uint8Array, from: number, length: number): void {
    this.#ensure(length)
    const bytes = this.#bytes
    bytes[this.#at] = tag
    const at = writeVarint(bytes, this.#at + 1, length)
    if (length > LOOP_BYTES_MAX) bytes.set(content.subarray(from, from + length), at)
    else for (let i = 0; i < length; i++) bytes[at + i] = content[from + i] ?? 0
    this.#at = at + length
  }

  /** Room for `length` bytes and a few numbers. What was given out stays where it is. */
  #ensure(length: number): void {
    const needed = length + 8 * NUMBER_BYTES_MAX
    if (this.#at + needed <= this.#bytes.length) return
    const begun = this.#bytes.subarray(this.#block, this.#at)
    const usual = Math.min(ROOM_BYTES_MAX, Math.max(ROOM_BYTES_MIN, 2 * this.#bytes.length))
    this.#bytes = new Uint8Array(Math.max(usual, 2 * (begun.length + needed)))
    this.#bytes.set(begun)
    this.#index -= this.#block
    this.#at = begun.length
    this.#block = 0
  }
}

/** Writes the length of `start .. at` into the `room` bytes before it, and gives the end: moved if it took more or less. */
function endLength(bytes: Uint8Array, start: number, at: number, room: number): number {
  const length = at - start
  const more = varintBytes(length) - room
  if (more !== 0) bytes.copyWithin(start + more, start, at)
  writeVarint(bytes, start - room, length)
  return at + more
}
