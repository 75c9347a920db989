/**
 * Two ends of a replicated log, whoever made them: the one vocabulary in which the scenarios are told.
 *
 * Owns: `End`, and the two ways to make one. A scenario runs for every pairing of ours with a stock peer, so
 * what is asked here must mean the same on both sides: indices, bytes without encryption padding.
 */

import type { TestContext } from 'node:test'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import type { Log } from '@dat-rhino/core/log/log'
import { sodiumCrypto } from '@dat-rhino/sdk/platform/node/crypto-sodium'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

export interface State {
  readonly key: Uint8Array
  readonly length: number
  readonly byteLength: number
  readonly fork: number
}

export interface Range {
  readonly start?: number
  readonly end?: number
  readonly blocks?: number[]
  readonly linear?: boolean
}

export interface End {
  /** A new log of this end. */
  create(options?: { encryptionKey?: Uint8Array }): Promise<State>
  /** Somebody else's log. */
  open(key: Uint8Array, options?: { encryptionKey?: Uint8Array }): Promise<void>
  state(): Promise<State>
  append(blocks: Uint8Array[]): Promise<void>
  truncate(length: number): Promise<void>
  clear(start: number, end: number): Promise<void>
  /** Resolves when the log has got so far. */
  reach(length: number, fork?: number): Promise<State>
  get(index: number): Promise<Uint8Array>
  blocks(start: number, end: number): Promise<Uint8Array[]>
  has(start: number, end: number): Promise<boolean>
  download(range: Range): Promise<void>
  seek(byte: number): Promise<[number, number] | undefined>
  listen(): Promise<number>
  connect(port: number): Promise<void>
  /** Breaks all connections. */
  drop(): Promise<void>
}

export type Make = (t: TestContext) => Promise<End>

setCrypto(sodiumCrypto)
const WAIT = { timeoutMs: 30_000 }

/** A log of ours. Compat: its key is the public key of its signer, as hypercore 10 makes them. */
export const ourEnd =
  (made: { compat?: boolean } = {}): Make =>
  async (t) => {
    const node = await openNode(t)
    let opened: Log | undefined
    const log = (): Log => {
      if (opened === undefined) throw new Error('no log yet')
      return opened
    }
    const state = (): State => {
      const { key, length, byteLength, fork } = log()
      return { key, length, byteLength, fork }
    }
    return {
      async create(options = {}) {
        const pair = made.compat === true ? keyPair() : undefined
        const selector =
          pair === undefined ? { name: 'log' } : { key: pair.publicKey, keyPair: pair }
        opened = await node.corestore.get(selector, options)
        return state()
      },
      async open(key, options = {}) {
        opened = await node.corestore.get({ key }, options)
      },
      state: () => Promise.resolve(state()),
      async append(blocks) {
        await log().append(blocks)
      },
      truncate: (length) => log().truncate(length),
      clear: (start, end) => log().clear(start, end),
      reach: (length, fork = 0) =>
        new Promise((resolve) => {
          const look = (): void => {
            if (log().fork < fork || log().length < length) return
            for (const off of offs) off()
            resolve(state())
          }
          const offs = [log().on('append', look), log().on('truncate', look)]
          look()
        }),
      get: (index) => log().get(index, WAIT),
      blocks(start, end) {
        const wanted: Promise<Uint8Array>[] = []
        for (let i = start; i < end; i++) wanted.push(log().get(i, WAIT))
        return Promise.all(wanted)
      },
      has: (start, end) => Promise.resolve(log().has(start, end)),
      download: (range) => log().download(range).done(WAIT),
      async seek(byte) {
        const found = await log().seek(byte, WAIT)
        return found === undefined ? undefined : [found.index, found.offset]
      },
      listen: () => node.listen(),
      connect: (port) => node.connect(port),
      drop() {
        for (const connection of node.connections) connection.close(new Error('dropped'))
        return Promise.resolve()
      },
    }
  }

/** A bare core in a stock process. */
export const stockEnd =
  (version: 10 | 11, made: { compat?: boolean } = {}): Make =>
  async (t) => {
    const peer = await Stock.start(t, version)
    const name = 'log'
    return {
      create: (options = {}) => peer.do('core', { name, ...made, ...options }),
      async open(key, options = {}) {
        await peer.do('core', { name, key, ...options })
      },
      state: () => peer.do('info', { name }),
      async append(blocks) {
        await peer.do('append', { name, blocks })
      },
      truncate: (length) => peer.do('truncate', { name, length }),
      clear: (start, end) => peer.do('clear', { name, start, end }),
      reach: (length, fork = 0) => peer.do('reach', { name, length, fork }),
      async get(index) {
        const block = await peer.do('block', { name, index })
        if (block === null) throw new Error(`block ${index} is not there`)
        return block
      },
      blocks: (start, end) => peer.do('blocks', { name, start, end }),
      has: (start, end) => peer.do('has', { name, start, end }),
      download: (range) => peer.do('download', { name, ...range }),
      seek: async (byte) => (await peer.do('seek', { name, byte })) ?? undefined,
      listen: () => peer.do('listen', {}),
      connect: (port) => peer.do('connect', { port }),
      drop: () => peer.do('drop'),
    }
  }
