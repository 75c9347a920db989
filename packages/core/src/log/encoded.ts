/**
 * A log of values: what an encoding makes of its blocks.
 *
 * Owns: the way between a block and a value, and what is said when there is none. A `Log` keeps bytes, so that all
 * who share it agree on what is there; an encoding is a thin view in front of one handle, and two views of
 * one log may read it in different ways.
 */

import { DatError } from '../base/errors.ts'
import type { Encoding } from '../bytes/encodings.ts'
import type { BlocksOptions } from './blocks.ts'
import type { Log } from './log.ts'
import type { WaitOptions } from './remote.ts'

/** What values are read from: a log, or a view of one. */
export interface BlockReader {
  readonly length: number
  peek(index: number): Uint8Array | undefined
  get(index: number, options?: WaitOptions): Promise<Uint8Array>
  blocks(options?: BlocksOptions): AsyncIterable<Uint8Array>
}

/** Values, one per block. A block that is no such value is `BAD_CONTENT`, with its index. */
export interface Values<T> {
  readonly length: number
  /** The value if its block is here. Never waits. */
  peek(index: number): T | undefined
  /** The value, from here or from a peer. */
  get(index: number, options?: WaitOptions): Promise<T>
  /** Value after value, read ahead. */
  values(options?: BlocksOptions): AsyncIterable<T>
}

/** A log of values that may be written too. */
export interface EncodedLog<T> extends Values<T> {
  readonly log: Log
  /** All values or none. */
  append(...values: readonly T[]): Promise<{ length: number; byteLength: number }>
}

/** The blocks of `reader` as values. */
export function decoded<T>(reader: BlockReader, encoding: Encoding<T>): Values<T> {
  const decode = (index: number, block: Uint8Array): T => {
    try {
      return encoding.decode(block)
    } catch (cause) {
      throw new DatError('BAD_CONTENT', 'A block is no value of this encoding.', { index }, cause)
    }
  }
  return {
    get length() {
      return reader.length
    },
    peek(index) {
      const block = reader.peek(index)
      return block === undefined ? undefined : decode(index, block)
    },
    get: (index, options) => reader.get(index, options).then((block) => decode(index, block)),
    async *values(options = {}) {
      let index = options.start ?? 0
      for await (const block of reader.blocks(options)) yield decode(index++, block)
    },
  }
}

/** `log` as a log of values. Closing the log ends both. */
export function encoded<T>(log: Log, encoding: Encoding<T>): EncodedLog<T> {
  const values = decoded(log, encoding)
  return {
    log,
    get length() {
      return log.length
    },
    peek: values.peek,
    get: values.get,
    values: values.values,
    append(...list) {
      try {
        return log.append(list.map((value) => encoding.encode(value)))
      } catch (error) {
        return Promise.reject(error)
      }
    },
  }
}
