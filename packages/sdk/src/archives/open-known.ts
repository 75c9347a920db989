/**
 * A log becomes what it is the log of: a drive, a bee, a trie, or nothing but blocks.
 *
 * Owns: the decision, by block 0. Tries of drives name the log of the files there. Bees of drives of today need not: then
 * the rows tell, since those of files stand below a name of their own.
 */

import { utf8 } from '@dat-rhino/core/bytes/bytes'
import { KEY_BYTES } from '@dat-rhino/core/crypto/crypto'
import type { Drive } from '@dat-rhino/core/drive/drive'
import { readHeader } from '@dat-rhino/core/drive/header'
import { openDrive } from '@dat-rhino/core/drive/open'
import type { LogProvider } from '@dat-rhino/core/drive/types'
import { Bee } from '@dat-rhino/core/index/bee'
import { Trie } from '@dat-rhino/core/index/trie/trie'
import type { Log } from '@dat-rhino/core/log/log'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import { readHeaderBlock } from '../migrate/formats.ts'

/** What a log is the log of; the log is closed with it. */
export type Known =
  | { readonly kind: 'drive'; readonly drive: Drive }
  | { readonly kind: 'bee'; readonly bee: Bee }
  | { readonly kind: 'trie'; readonly trie: Trie }
  | { readonly kind: 'log' }

/** How it is found out. */
export interface KnownOptions {
  readonly store: LogProvider
  readonly encryptionKey?: Uint8Array
  /** For the blocks that tell. */
  readonly wait: WaitOptions
}

/**
 * Looks at block 0, and waits for it. An empty log is a plain one.
 *
 * @throws DatError NO_PEERS, NOT_AVAILABLE, TIMEOUT if the blocks that tell can't be had
 */
export async function openKnown(log: Log, options: KnownOptions): Promise<Known> {
  const { store, wait, encryptionKey } = options
  if (log.length === 0) await log.update(wait)
  if (log.length === 0) return { kind: 'log' }
  const { name, content } = readHeader(await log.get(0, wait))
  const drive = (): Promise<Drive> =>
    openDrive({ store, log, wait, ...(encryptionKey === undefined ? {} : { encryptionKey }) })
  const namesFiles = content?.length === KEY_BYTES
  switch (name) {
    case 'hyperdrive':
      return namesFiles ? { kind: 'drive', drive: await drive() } : { kind: 'log' }
    case 'hypertrie':
      return namesFiles
        ? { kind: 'drive', drive: await drive() }
        : { kind: 'trie', trie: Trie.open(log) }
    case 'hyperbee':
      return (await holdsFiles(log, options))
        ? { kind: 'drive', drive: await drive() }
        : { kind: 'bee', bee: Bee.open(log) }
    default:
      return { kind: 'log' }
  }
}

/** Is a bee that of a drive? One without any row counts as one: drives begin so. */
async function holdsFiles(
  log: Log,
  { store, wait, encryptionKey }: KnownOptions,
): Promise<boolean> {
  if (readHeaderBlock(log.peek(0)).contentKey !== undefined) return true
  const options = encryptionKey === undefined ? {} : { encryptionKey }
  const bee = Bee.open(await store.get({ key: log.key }, { ...options, writable: false }))
  try {
    if ((await bee.sub(utf8('files')).first({}, wait)) !== undefined) return true
    return (await bee.first({}, wait)) === undefined
  } finally {
    await bee.close()
  }
}
