/** What the tests of older drives share: the drive of the vectors, as logs in a store in memory. */

import { fromHex } from '../../src/bytes/bytes.ts'
import type { Corestore } from '../../src/corestore/corestore.ts'
import type { KeyPair } from '../../src/crypto/crypto.ts'
import { TrieDrive, type TrieDriveOptions } from '../../src/drive/trie-drive.ts'
import type { Log } from '../../src/log/log.ts'
import { vectors } from '../vectors.ts'
import { openStore, type Told } from './support.ts'

type LogName = 'metadata' | 'content' | 'mountedMetadata' | 'mountedContent' | 'log'

/** What hyperdrive 10 says of a path. */
export interface ToldStat {
  readonly mode: string
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly ctime: number
  readonly linkname: string | null
  readonly sha256?: string
}

export const trieVector = vectors<{
  readonly keys: Record<LogName, { readonly publicKey: string; readonly secretKey: string }>
  readonly blocks: Record<LogName, readonly Told[]>
  readonly latest: Record<string, ToldStat>
  readonly checkouts: Record<string, Record<string, ToldStat>>
  readonly readdir: Record<string, readonly string[]>
  readonly tags: Record<string, number>
  readonly mounts: readonly (readonly [string, string, string])[]
  readonly diff: Record<string, readonly { readonly type: string; readonly name: string }[]>
}>('gen2/hyperdrive10')

export function trieKeys(name: LogName): KeyPair {
  const { publicKey, secretKey } = trieVector.keys[name]
  return { publicKey: fromHex(publicKey), secretKey: fromHex(secretKey) }
}

export function trieLog(store: Corestore, name: LogName): Promise<Log> {
  return store.get({ keyPair: trieKeys(name), generation: 2 })
}

/** The large file of the vectors. */
export const largeFile: Uint8Array = Uint8Array.from(
  { length: 525_288 },
  (_, i) => (i * 7 + (i >> 8)) & 0xff,
)

/** The blocks of a log of the vectors; long ones are a part of the large file. */
export function trieBlocks(name: LogName): Uint8Array[] {
  return trieVector.blocks[name].map((told) =>
    typeof told === 'string' ? fromHex(told) : largeFile.subarray(0, told.bytes),
  )
}

/** A store with all logs of the vectors. */
export async function trieStore(): Promise<Corestore> {
  const store = await openStore()
  for (const name of ['metadata', 'content', 'mountedMetadata', 'mountedContent', 'log'] as const) {
    await (await trieLog(store, name)).append(trieBlocks(name))
  }
  return store
}

/** A new, empty drive of ours. */
export async function newTrieDrive(
  options: Partial<TrieDriveOptions> & { readonly keyPair?: KeyPair } = {},
): Promise<TrieDrive> {
  const { keyPair, store = await openStore(), ...others } = options
  const pair = keyPair ?? store.keyPair('metadata')
  const log = await store.get({ keyPair: pair, generation: 2 })
  return TrieDrive.open({ store, log, ...others })
}
