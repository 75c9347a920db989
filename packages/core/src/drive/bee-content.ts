/**
 * Which log holds the bytes of a hyperdrive 13.
 *
 * Owns: the decision. The key that the bee's header names comes first (compat drives); else it follows from the db's
 * manifest. The log is writable where the db is. Source: the hyperdrive specification, section 2.
 */

import { equal } from '../bytes/bytes.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import type { BeeHeader } from '../index/bee.ts'
import type { Log } from '../log/log.ts'
import { unknownContent } from './content.ts'
import { contentManifest, DB_NAME } from './keys.ts'
import type { DriveOptions } from './types.ts'

/**
 * @param header of the bee, or `undefined` for an empty drive of our own
 * @throws DatError BAD_CONTENT
 */
export async function beeContent(
  db: Log,
  header: BeeHeader | undefined,
  { store, encryptionKey }: DriveOptions,
): Promise<Log> {
  const options = encryptionKey === undefined ? {} : { encryptionKey }
  const feed = header?.contentFeed
  if (feed !== undefined && feed.length >= KEY_BYTES) {
    return store.get({ key: feed.subarray(0, KEY_BYTES) }, options)
  }
  const content = contentManifest(db.key, db.manifest)
  if (content === undefined) throw unknownContent(db.length)
  const keyPair = store.keyPair(DB_NAME)
  const isOurs = db.manifest?.signers.some((s) => equal(s.publicKey, keyPair.publicKey)) === true
  const { manifest } = content
  return store.get(isOurs ? { manifest, keyPair } : { manifest }, options)
}
