/**
 * A store of logs as the tasks see it, whoever made it: so that both sides run the same lines.
 *
 * Owns: the interface. `ours.ts` and `reference.ts` fulfil it with one call each; nothing is done here that
 * would make one of them faster.
 */

import type { Served } from './task.ts'

export interface BenchLog {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  length(): number
  append(blocks: Buffer | readonly Buffer[]): Promise<unknown>
  get(index: number): Promise<Uint8Array>
  stream(): AsyncIterable<Uint8Array>
  /** Resolves when the log is known to have so many blocks. */
  grown(length: number): Promise<void>
  /** Resolves when the first `count` blocks are here. */
  download(count: number): Promise<void>
  /** Peers that this log is spoken about with. */
  peers(): number
  clear(start: number, end: number): Promise<unknown>
}

/** How two processes are connected: by address, through a DHT, or by UDX alone where the line between them is made longer. */
export type Way = 'tcp' | 'dht' | 'udx'

export interface BenchStore {
  /** The store's own log of this name, or somebody else's by key. */
  log(which: { readonly name: string } | { readonly key: Uint8Array }): Promise<BenchLog>
  /** How many logs there are, counted by going through the list of them. */
  list(): Promise<number>
  /**
   * Serves everything that is stored; `topic` is what is announced on a DHT. `roundTripMs` (TCP and UDX): how far away
   * the server seems to be. Default: next to the reader.
   */
  serve(way: Way, topic: Uint8Array, roundTripMs?: number): Promise<Served>
  /** Resolves when connected with a server. */
  dial(way: Way, served: Served): Promise<void>
  close(): Promise<void>
}

export interface StoreKind {
  /** How rows say what an acknowledgement stands for. */
  readonly durability: string
  /** Loads the code, for tasks that time the opening. */
  load(): void | Promise<void>
  open(folder: string): Promise<BenchStore>
}
