/**
 * Generation 2 (hypercore 8 and 9): what differs, as a table.
 *
 * Hashes with big-endian sizes, as generation 1; the author signs the root hash and the length, since
 * hypercore 9. Signatures over the root hash alone stay good, because 8 made them and one log may hold both
 * kinds. Source: generation 2, sections 2 to 4.
 */

import { equal } from '../bytes/bytes.ts'
import { binary } from '../bytes/encodings.ts'
import { writeU64BE } from '../bytes/integers.ts'
import { crypto, HASH_BYTES, type KeyPair } from '../crypto/crypto.ts'
import { sign } from '../crypto/keys.ts'
import { digestOf, ReaderMemory } from '../tree/digest.ts'
import { TreeHash } from '../tree/hash.ts'
import { proveByNodes } from './by-digest.ts'
import type { Authority, Generation, TreeState } from './generation.ts'

/** The table of generation 2. */
export const gen2: Generation = {
  id: 2,
  hash: new TreeHash(writeU64BE),
  keepsSignatures: true,
  headFromNodes: true,
  canFork: false,
  bareMessage: binary,
  digest: digestOf,
  newReader,
  prove: proveByNodes,
  accepts: acceptsRootHash,
  made: (authority, tree, signature) =>
    signature !== undefined && crypto().verify(signature, withLength(tree), authority.key),
  maySign: ownsKey,
  sign: (_authority, tree, keyPair) => sign(withLength(tree), keyPair.secretKey),
}

/** Accepts a signature over root hash and length, or over the root hash; without one the key must be the root hash. */
export function acceptsRootHash(
  authority: Authority,
  tree: TreeState,
  signature: Uint8Array | undefined,
): boolean {
  // A log published without signatures is named by its root hash (a static archive).
  if (signature === undefined) return equal(authority.key, tree.rootHash)
  return (
    crypto().verify(signature, withLength(tree), authority.key) ||
    crypto().verify(signature, tree.rootHash, authority.key)
  )
}

/** Starts empty: a reader says what he holds around each block that he asks for. */
export function newReader(): ReaderMemory {
  return new ReaderMemory()
}

/** Is the log named by the public key of this pair? */
export function ownsKey(authority: Authority, keyPair: KeyPair): boolean {
  return equal(authority.key, keyPair.publicKey)
}

function withLength(tree: TreeState): Uint8Array {
  const message = new Uint8Array(HASH_BYTES + 8)
  message.set(tree.rootHash)
  writeU64BE(message, HASH_BYTES, tree.length)
  return message
}
