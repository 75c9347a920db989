/**
 * Generation 1 (hypercore 5 to 7): what differs, as a table.
 *
 * Hashes with big-endian sizes; the author signs the 32 bytes of the root hash. A log begun by hypercore 7
 * may have been continued by 9, so both kinds of signature are accepted; we sign the kind that its readers
 * know. Source: the generation 1 log, sections 3 and 4.
 */

import { binary } from '../bytes/encodings.ts'
import { writeU64BE } from '../bytes/integers.ts'
import { crypto } from '../crypto/crypto.ts'
import { sign } from '../crypto/keys.ts'
import { digestOf } from '../tree/digest.ts'
import { TreeHash } from '../tree/hash.ts'
import { proveByNodes } from './by-digest.ts'
import { acceptsRootHash, newReader, ownsKey } from './gen2.ts'
import type { Generation } from './generation.ts'

export const gen1: Generation = {
  id: 1,
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
    signature !== undefined && crypto().verify(signature, tree.rootHash, authority.key),
  maySign: ownsKey,
  sign: (_authority, tree, keyPair) => sign(tree.rootHash, keyPair.secretKey),
}
