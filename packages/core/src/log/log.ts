/**
 * What users hold: a cheap handle on one log.
 *
 * Owns: waiting. Local reads never wait; everything that does ends with what was asked or with an error
 * that says why not, also when this handle is closed.
 */

import type { Listener } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import type { Generation } from './generation.ts'
import type { Manifest } from './manifest.ts'
import type { Download, RangeRequest, WaitOptions } from './remote.ts'
import type { AppendOptions, Replica, ReplicaEvents, TruncateOptions } from './replica.ts'

export interface LogOptions {
  /** 32 bytes; blocks are encrypted before hashing and decrypted on reading. */
  readonly encryptionKey?: Uint8Array
  /** `encryptionKey` is the key of this log's blocks itself, not what it is derived from. Default false. */
  readonly isBlockKey?: boolean
  /** False for a handle that refuses to write. Default true. */
  readonly writable?: boolean
}

export type LogEvents = Omit<ReplicaEvents, 'announced'>

export interface BlocksOptions extends WaitOptions {
  /** Default 0. */
  readonly start?: number
  /** Default: the length at the first step; with `live` no end. */
  readonly end?: number
  /** Go on with blocks as they are appended. Default false. */
  readonly live?: boolean
}

export interface LogInfo {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  readonly length: number
  readonly byteLength: number
  readonly fork: number
  readonly contiguousLength: number
  readonly heldBlocks: number
  readonly paddingBytes: number
  readonly writable: boolean
  readonly frozen: boolean
  readonly peerCount: number
}

export class Log {
  declare readonly replica: Replica

  constructor(_replica: Replica, _options: LogOptions = {}) {
    throw new DatError('INVARIANT', 'not built')
  }

  get key(): Uint8Array {
    throw new DatError('INVARIANT', 'not built')
  }

  get discoveryKey(): Uint8Array {
    throw new DatError('INVARIANT', 'not built')
  }

  get generation(): Generation {
    throw new DatError('INVARIANT', 'not built')
  }

  get manifest(): Manifest | undefined {
    throw new DatError('INVARIANT', 'not built')
  }

  get length(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Bytes of all blocks, without encryption padding. */
  get byteLength(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  get fork(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Blocks held from 0 on without a gap. */
  get contiguousLength(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  get writable(): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  get closed(): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  get peerCount(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Bytes in front of each stored block that readers do not see: 0, or 8 when encrypted. */
  get paddingBytes(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  on<K extends keyof LogEvents>(
    _event: K,
    _listener: Listener<LogEvents[K]>,
    _options: { signal?: AbortSignal } = {},
  ): () => void {
    throw new DatError('INVARIANT', 'not built')
  }

  /** The block if it is here; the bytes are the caller's. Never waits. */
  peek(_index: number): Uint8Array | undefined {
    throw new DatError('INVARIANT', 'not built')
  }

  /** The block, from here or from a peer; the bytes are the caller's. An index beyond the length is waited for. */
  get(_index: number, _options: WaitOptions = {}): Promise<Uint8Array> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Are all blocks of `start .. end` (default: the one) here? */
  has(_start: number, _end?: number): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  /** All blocks or none; appends of one moment share one commit. Blocks are copied. */
  append(
    _blocks: Uint8Array | readonly Uint8Array[],
    _options: AppendOptions = {},
  ): Promise<{ length: number; byteLength: number }> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Asks peers for a longer history: did the log grow? */
  update(_options: WaitOptions = {}): Promise<boolean> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** The block in which byte `byte` lies and the place in it; undefined beyond the end. */
  seek(
    _byte: number,
    _options: WaitOptions = {},
  ): Promise<{ index: number; offset: number } | undefined> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Bytes before block `index`, or undefined if that is not known here. */
  byteOffset(_index: number): number | undefined {
    throw new DatError('INVARIANT', 'not built')
  }

  download(_range: Partial<RangeRequest> = {}): Download {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Drops blocks here (default: the one); they can be fetched again. */
  clear(_start: number, _end?: number): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Shortens our log and begins a new fork. */
  truncate(_length: number, _options: TruncateOptions = {}): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Block after block, read ahead. */
  blocks(_options: BlocksOptions = {}): AsyncIterable<Uint8Array> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** A small value kept beside the log on this machine. */
  userData(_name: string): Uint8Array | undefined {
    throw new DatError('INVARIANT', 'not built')
  }

  setUserData(_name: string, _value: Uint8Array | undefined): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  info(): LogInfo {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Resolves when everything written so far is signed and synced. */
  flush(): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Ends all waits of this handle with `CLOSED`. The log itself stays while others hold it. */
  close(): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
