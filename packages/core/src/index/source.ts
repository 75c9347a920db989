/**
 * What a bee and a blob store need of a log: the part of `Log` that they touch, as an interface.
 *
 * Owns: the contract. `Log` fulfils it by its shape; tests fulfil it with an array. Bytes that `peek` and
 * `get` return belong to the caller. Lengths and offsets count plain bytes: what encryption adds to a
 * block is below this line.
 */

import type { EncodedHandler, Extension, ExtensionHandler } from '../log/extensions.ts'
import type { Download, RangeRequest, WaitOptions } from '../log/remote.ts'

/** A log that is read. */
export interface LogReader {
  readonly key: Uint8Array
  readonly length: number
  readonly byteLength: number
  readonly fork: number
  readonly writable: boolean
  has(start: number, end?: number): boolean
  /** The block if it is on this machine. Never waits. */
  peek(index: number): Uint8Array | undefined
  get(index: number, options?: WaitOptions): Promise<Uint8Array>
  update(options?: WaitOptions): Promise<boolean>
  /** Plain byte offset of a block, if the nodes for it are here. */
  byteOffset(index: number): number | undefined
  /** The block that holds plain byte `byte`, and where in it; `undefined` behind the end. */
  seek(
    byte: number,
    options?: WaitOptions,
  ): Promise<{ readonly index: number; readonly offset: number } | undefined>
  download(range: Partial<RangeRequest>): Download
  /** Listens to changes of the log; returns the way to stop that. */
  on(
    event: 'append' | 'truncate',
    listener: (event: { readonly length: number }) => void,
  ): () => void
  on(
    event: 'held',
    listener: (event: { readonly start: number; readonly length: number }) => void,
  ): () => void
  on(event: 'closed', listener: () => void): () => void
  /** Speaks under a name with the peers of the log, where there are any. */
  extension?(
    name: string,
    handler: ExtensionHandler<Uint8Array> | EncodedHandler<Uint8Array>,
  ): Extension<Uint8Array>
}

/** A log that may be written too. */
export interface LogSource extends LogReader {
  /** Throws unless it is `writable`, with the reason. */
  checkWritable(): void
  /** Copies the blocks at once: they are memory that is used again. */
  append(
    blocks: Uint8Array | readonly Uint8Array[],
  ): Promise<{ readonly length: number; readonly byteLength: number }>
  clear(start: number, end?: number): Promise<void>
  truncate(length: number): Promise<void>
  close(): Promise<void>
}
