/**
 * From a drive's key to the key of its blobs.
 *
 * Owns: the derivation. The blobs log has the manifest of the db log with other signer namespaces, so the same
 * key pair signs both, and whoever knows the db's manifest knows the blobs' key without reading a block. Compat
 * logs, and manifests of version 0, can't be derived from: there the bee's header names the key.
 * Source: the hyperdrive specification, section 2.
 */

import { hash, namespace } from '../crypto/keys.ts'
import { encodeManifest, isCompat, type Manifest, manifestKey } from '../log/manifest.ts'

/** Name of the db log in its namespace. */
export const DB_NAME = 'db'

/** Who the blobs log is. */
export interface ContentManifest {
  readonly key: Uint8Array
  /** Canonical encoding. */
  readonly manifest: Uint8Array
}

/** The blobs log of a db log, or `undefined` where the bee's header must say it. */
export function contentManifest(
  dbKey: Uint8Array,
  dbManifest: Manifest | undefined,
): ContentManifest | undefined {
  if (dbManifest === undefined || dbManifest.version === 0 || isCompat(dbManifest, dbKey)) {
    return undefined
  }
  const drive = namespace('hyperdrive', 0)
  const manifest = encodeManifest({
    version: dbManifest.version,
    allowPatch: dbManifest.allowPatch,
    quorum: dbManifest.quorum,
    signers: dbManifest.signers.map((signer) => ({
      namespace: hash(drive, dbKey, signer.namespace),
      publicKey: signer.publicKey,
    })),
    prologue: undefined,
    linked: undefined,
    userData: undefined,
  })
  return { key: manifestKey(manifest), manifest }
}
