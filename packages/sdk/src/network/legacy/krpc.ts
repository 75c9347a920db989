/**
 * Messages of BitTorrent's DHT, and asking one node one thing (BEP 5).
 *
 * Owns: the bytes of questions and answers, and which answer belongs to which question. We ask and never answer (and say
 * so, BEP 43), so nothing that comes unasked has any effect. Always true: an answer counts only from the address that was
 * asked, once, in `ANSWER_MS`; what of it is malformed or beyond its limit is not there.
 */

import type { Clock, Timer } from '@dat-rhino/core/base/clock'
import {
  MAINLINE_NODES_PER_ANSWER_MAX,
  MAINLINE_PEERS_PER_ANSWER_MAX,
} from '@dat-rhino/core/base/limits'
import { randomBytes } from '@dat-rhino/core/crypto/keys'
import { type Bencoded, bdecode, bencode, bytesAt, latin1 } from './bencode.ts'
import { isPlausible } from './finder.ts'
import { peersIn } from './lan-words.ts'
import { isPort, type LegacyAddress } from './options.ts'

/** Names of nodes and of what is looked for. */
export const NODE_ID_BYTES = 20
const NODE_BYTES = NODE_ID_BYTES + 6
const TOKEN_BYTES_MAX = 64
const ANSWER_MS = 2_000
const TRANSACTIONS = 65_536

/** A node of the DHT. Those that one enters by have no id yet. */
export interface MainlineNode {
  readonly id: Uint8Array | undefined
  readonly address: LegacyAddress
}

/** What a node has answered to `get_peers`. */
export interface PeersAnswer {
  /** 20 bytes: who it says it is. */
  readonly id: Uint8Array
  /** Given back when something is announced there. */
  readonly token: Uint8Array | undefined
  /** Nodes that it believes to be nearer. */
  readonly nodes: readonly MainlineNode[]
  readonly peers: readonly LegacyAddress[]
}

/** Where who asks is, and who it is. */
export interface KrpcHost {
  readonly clock: Clock
  /** 20 bytes. */
  readonly id: Uint8Array
  send(bytes: Uint8Array, to: LegacyAddress): void
}

interface Asked {
  readonly address: LegacyAddress
  readonly timer: Timer
  resolve(answer: Bencoded | undefined): void
}

/** Questions on one socket. */
export class Krpc {
  readonly #host: KrpcHost
  readonly #asked = new Map<number, Asked>()
  #next: number

  constructor(host: KrpcHost) {
    this.#host = host
    const [high = 0, low = 0] = randomBytes(2)
    this.#next = high * 256 + low
  }

  /** Who has it, and who is nearer to it; undefined if there is no good answer in time. */
  async getPeers(to: LegacyAddress, infoHash: Uint8Array): Promise<PeersAnswer | undefined> {
    const answer = await this.#ask(to, 'get_peers', [['info_hash', infoHash]])
    const id = bytesAt(answer, 'id', NODE_ID_BYTES)
    if (id === undefined || !(answer instanceof Map)) return undefined
    const token = bytesAt(answer, 'token')
    return {
      id,
      token: token !== undefined && token.length <= TOKEN_BYTES_MAX ? token : undefined,
      nodes: nodesIn(bytesAt(answer, 'nodes'), to.host),
      peers: valuesIn(answer.get('values'), to.host),
    }
  }

  /** Tells a node that we have it; true if it has noted that. */
  async announce(
    to: LegacyAddress,
    infoHash: Uint8Array,
    port: number,
    token: Uint8Array,
  ): Promise<boolean> {
    const answer = await this.#ask(to, 'announce_peer', [
      ['implied_port', 0],
      ['info_hash', infoHash],
      ['port', port],
      ['token', token],
    ])
    return answer !== undefined
  }

  /** Bytes that came from somewhere. */
  receive(bytes: Uint8Array, from: LegacyAddress): void {
    const message = bdecode(bytes)
    const transaction = bytesAt(message, 't', 2)
    if (transaction === undefined) return
    const [high = 0, low = 0] = transaction
    const number = high * 256 + low
    const asked = this.#asked.get(number)
    const { host, port } = asked?.address ?? {}
    if (asked === undefined || host !== from.host || port !== from.port) return
    this.#asked.delete(number)
    asked.timer.cancel()
    asked.resolve(message instanceof Map ? message.get('r') : undefined)
  }

  close(): void {
    for (const { timer, resolve } of this.#asked.values()) {
      timer.cancel()
      resolve(undefined)
    }
    this.#asked.clear()
  }

  #ask(
    address: LegacyAddress,
    name: string,
    more: readonly (readonly [string, Bencoded])[],
  ): Promise<Bencoded | undefined> {
    const number = this.#next
    this.#next = (number + 1) % TRANSACTIONS
    return new Promise((resolve) => {
      const timer = this.#host.clock.after(ANSWER_MS, () => {
        this.#asked.delete(number)
        resolve(undefined)
      })
      this.#asked.set(number, { address, timer, resolve })
      this.#host.send(question(number, name, this.#host.id, more), address)
    })
  }
}

/** A question as it is sent. */
export function question(
  number: number,
  name: string,
  id: Uint8Array,
  more: readonly (readonly [string, Bencoded])[],
): Uint8Array {
  return bencode(
    new Map<string, Bencoded>([
      ['t', Uint8Array.of(number >> 8, number & 0xff)],
      ['y', latin1('q')],
      ['q', latin1(name)],
      ['ro', 1],
      ['a', new Map<string, Bencoded>([['id', id], ...more])],
    ]),
  )
}

function nodesIn(list: Uint8Array | undefined, from: string): MainlineNode[] {
  const nodes: MainlineNode[] = []
  if (list === undefined) return nodes
  const end = Math.min(list.length, MAINLINE_NODES_PER_ANSWER_MAX * NODE_BYTES)
  for (let at = 0; at + NODE_BYTES <= end; at += NODE_BYTES) {
    const [address] = peersIn(list.subarray(at + NODE_ID_BYTES, at + NODE_BYTES), from)
    if (address === undefined || !isPlausible(address.host, from)) continue
    nodes.push({ id: list.slice(at, at + NODE_ID_BYTES), address })
  }
  return nodes
}

function valuesIn(values: Bencoded | undefined, from: string): LegacyAddress[] {
  if (!Array.isArray(values)) return []
  const peers: LegacyAddress[] = []
  for (const value of values.slice(0, MAINLINE_PEERS_PER_ANSWER_MAX)) {
    if (!(value instanceof Uint8Array) || value.length !== 6) continue
    for (const address of peersIn(value, from)) {
      if (isPort(address.port) && isPlausible(address.host, from)) peers.push(address)
    }
  }
  return peers
}
