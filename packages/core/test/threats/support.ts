/**
 * A store with two logs of a stranger, a connection on which somebody tampers, and raw ends of connections.
 *
 * Owns: `Case`. The liar mirrors both logs from their owner, so that everything but what the test alters is true.
 */

import { hex, utf8 } from '../../src/bytes/bytes.ts'
import type { Connection } from '../../src/corestore/connection.ts'
import type { Corestore, CorestoreEvents } from '../../src/corestore/corestore.ts'
import type { Log } from '../../src/log/log.ts'
import { Mux } from '../../src/wire/mux.ts'
import type { Transport } from '../../src/wire/transport.ts'
import { connect, openStore } from '../corestore/fixtures.ts'
import { transports } from '../sim/transports.ts'
import { World } from '../sim/world.ts'

export const [OWNER, LIAR, READER] = [11, 66, 22].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]

export const BLOCKS = 60
/** Block `i` of a log. All are of one length, so that whoever alters one leaves the frame as it was. */
export const block = (log: string, i: number): Uint8Array =>
  utf8(`${log} block ${`${i}`.padStart(4, '0')}`)

/** Alters a frame in place, or not. */
export type Tamper = (frame: Uint8Array) => void

export interface Case {
  readonly world: World
  readonly owner: Corestore
  readonly liar: Corestore
  readonly reader: Corestore
  /** The reader's handles on the log that is lied about, and on another one of the same connection. */
  readonly bad: Log
  readonly good: Log
  /** What the reader was told. */
  readonly news: { readonly name: string; readonly peer: string; readonly code: string }[]
}

/** A reader that nobody is connected to yet, and a liar who holds what the owner wrote. */
export async function newCase(): Promise<Case> {
  const world = new World(1)
  const [owner, liar, reader] = await Promise.all([1, 2, 3].map((n) => openStore(n, world)))
  if (owner === undefined || liar === undefined || reader === undefined) throw new Error('no store')
  const handles: Log[] = []
  for (const name of ['bad', 'good']) {
    const log = await owner.get({ name })
    await log.append(Array.from({ length: BLOCKS }, (_, i) => block(name, i)))
    const mirror = await liar.get({ key: log.key })
    mirror.download({ start: 0, end: BLOCKS })
    handles.push(await reader.get({ key: log.key }))
  }
  const [left] = connect(owner, liar, world, { keys: [OWNER, LIAR] })
  await world.run(5_000)
  left.close()
  await world.run(100)
  const [bad, good] = handles
  if (bad === undefined || good === undefined) throw new Error('no log')
  const news: Case['news'] = []
  for (const name of ['wrong-proof', 'offence'] as const) listen(reader, name, news)
  return { world, owner, liar, reader, bad, good, news }
}

function listen(
  store: Corestore,
  name: 'wrong-proof' | 'offence',
  news: { name: string; peer: string; code: string }[],
): void {
  store.events.on(name, (event: CorestoreEvents['wrong-proof' | 'offence']) => {
    news.push({ name, peer: hex(event.remotePublicKey), code: event.error.code })
  })
}

/** The reader is connected to the liar; every frame of the liar goes through `tamper`. */
export function connectLiar({ world, liar, reader }: Case, tamper: Tamper): Connection {
  const [left, right] = transports(world, { keys: [LIAR, READER] })
  const send = left.send.bind(left)
  left.send = (message) => {
    const frame = Uint8Array.from(message)
    tamper(frame)
    send(frame)
  }
  const connection = reader.connect(right)
  liar.connect(left)
  return connection
}

/** The reader is connected to the owner, who tells the truth. */
export function connectOwner({ world, owner, reader }: Case): void {
  connect(owner, reader, world, { keys: [OWNER, READER] })
}

/** A stranger with nothing but a mux, on a connection with `store`. */
export function connectStranger(
  world: World,
  store: Corestore,
): { mux: Mux; connection: Connection; transport: Transport } {
  const [left, right] = transports(world, { keys: [LIAR, READER] })
  const connection = store.connect(right)
  return { mux: new Mux(left, { clock: world }), connection, transport: left }
}

/** Flips a bit `offset` bytes behind each occurrence of `needle`. */
export function flipBehind(frame: Uint8Array, needle: Uint8Array, offset: number): void {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
    const target = at + offset
    if (target < frame.length) frame[target] = (frame[target] ?? 0) ^ 1
  }
}
