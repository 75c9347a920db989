/**
 * Drives, bees and logs that are opened by their keys, wherever they are.
 *
 * Owns: the way from a key to something that can be read: its topic is joined, what it leads to is opened, and the first
 * news is waited for unless the caller says no. What is here opens also where nobody answers. The topic is left
 * when the log is closed, or at once where nothing could be opened.
 */

import { isCode } from '@dat-rhino/core/base/errors'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import type { Drive } from '@dat-rhino/core/drive/drive'
import { openDrive } from '@dat-rhino/core/drive/open'
import { Bee } from '@dat-rhino/core/index/bee'
import type { Log } from '@dat-rhino/core/log/log'
import { DEFAULT_WAIT_MS, type WaitOptions } from '@dat-rhino/core/log/remote'
import { AT_ONCE_MS } from './network/network.ts'
import type { Station } from './station.ts'

/** How a drive, bee or log is opened by link. */
export interface ReadOptions extends WaitOptions {
  /** For encrypted ones: 32 bytes. */
  readonly encryptionKey?: Uint8Array
  /** Wait until peers told the newest version. Default true. What is here can be read either way. */
  readonly update?: boolean
}

/** The drive that a key leads to, of any format. @throws DatError as `Rhino.drive` */
export async function driveByKey(
  station: Station,
  key: Uint8Array,
  options: ReadOptions,
): Promise<Drive> {
  const { corestore: store } = station
  return joined(station, key, options, {
    open: (wait) => openDrive({ store, key, generation: 'unknown', wait, ...encryption(options) }),
    logOf: (drive) => drive.log,
    update: async (drive, wait) => {
      await drive.ready(wait)
      await drive.update(wait)
    },
  })
}

/** The bee in the log of a key. @throws DatError as `Rhino.bee` */
export async function beeByKey(
  station: Station,
  key: Uint8Array,
  options: ReadOptions,
): Promise<Bee> {
  const log = await station.corestore.get({ key }, encryption(options))
  return joined(station, key, options, {
    open: async () => Bee.open(log),
    logOf: () => log,
    update: (bee, wait) => bee.update(wait),
  })
}

/** The log of a key. @throws DatError as `Rhino.log` */
export async function logByKey(
  station: Station,
  key: Uint8Array,
  options: ReadOptions,
): Promise<Log> {
  return joined(station, key, options, {
    open: () => station.corestore.get({ key }, encryption(options)),
    logOf: (log) => log,
    update: (log, wait) => log.update(wait),
  })
}

/** How one kind of thing is opened by its key. */
export interface Opening<T> {
  readonly open: (wait: WaitOptions) => Promise<T>
  readonly logOf: (opened: T) => Log
  readonly update: (opened: T, wait: WaitOptions) => Promise<unknown>
}

/** Joins the key's topic, opens what it leads to, and waits for the first news unless told not to. */
export async function joined<T extends { close(): Promise<void> }>(
  { corestore, network }: Station,
  key: Uint8Array,
  options: ReadOptions,
  kind: Opening<T>,
): Promise<T> {
  const topicKey = discoveryKey(key)
  const hasPeers = (): boolean => corestore.peers(topicKey).length > 0
  const topic = network.join(topicKey, { hasPeers })
  void topic.lookedTwice.then(corestore.findingPeers(topicKey))
  const { timeoutMs = DEFAULT_WAIT_MS, signal } = options
  const limit = { timeoutMs: network.offline ? AT_ONCE_MS : timeoutMs }
  const wait = signal === undefined ? limit : { ...limit, signal }
  let opened: T | undefined
  try {
    opened = await kind.open(wait)
    topic.settle()
    const log = kind.logOf(opened)
    log.on('closed', () => void topic.leave())
    // Nobody knows more of a log than who writes it.
    if (options.update !== false && !log.writable) await kind.update(opened, wait)
    return opened
  } catch (error) {
    const isAlone = isCode(error, 'NO_PEERS') || isCode(error, 'TIMEOUT')
    if (opened !== undefined && isAlone && kind.logOf(opened).length > 0) return opened
    await opened?.close()
    await topic.leave()
    throw error
  }
}

/** The options of a handle. */
export function encryption({ encryptionKey }: ReadOptions): { encryptionKey?: Uint8Array } {
  return encryptionKey === undefined ? {} : { encryptionKey }
}
