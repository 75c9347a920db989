/**
 * Is a length of a stored log signed, and in which form?
 *
 * Owns: that question for generations 1 and 2, whose files look alike: the form of the signature is what tells them apart.
 * Source: the generation 1 log, section 4.
 */

import { equal } from '@dat-rhino/core/bytes/bytes'
import { writeU64BE } from '@dat-rhino/core/bytes/integers'
import { crypto, HASH_BYTES } from '@dat-rhino/core/crypto/crypto'
import { GENERATIONS } from '@dat-rhino/core/log/generations'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import { fullRoots } from '@dat-rhino/core/tree/flat'
import { NodeSet } from '@dat-rhino/core/tree/nodes'

/**
 * `hash`: over the root hash (hypercore 5 to 8). `length`: over root hash and length (hypercore 9). `static`: the key
 * is the root hash itself.
 */
export type SignedForm = 'hash' | 'length' | 'static'

type Tree = Pick<StoredLog, 'key' | 'node' | 'signature'>

/** The roots of a tree of `length` blocks, or `undefined` if one is missing. */
export function storedRoots(log: Pick<StoredLog, 'node'>, length: number): NodeSet | undefined {
  const roots = new NodeSet()
  for (const index of fullRoots(length)) {
    const node = log.node(index)
    if (node === undefined) return undefined
    roots.push(index, node.size, node.hash, 0)
  }
  return roots
}

/** How the key stands behind the tree of `length` blocks; `undefined` if it does not. */
export function signedForm(log: Tree, length: number): SignedForm | undefined {
  const roots = length > 0 ? storedRoots(log, length) : undefined
  if (roots === undefined) return undefined
  const rootHash = GENERATIONS[1].hash.root(roots)
  const signature = log.signature(length)
  if (signature === undefined) return equal(rootHash, log.key) ? 'static' : undefined
  const message = new Uint8Array(HASH_BYTES + 8)
  message.set(rootHash)
  writeU64BE(message, HASH_BYTES, length)
  if (crypto().verify(signature, message, log.key)) return 'length'
  return crypto().verify(signature, rootHash, log.key) ? 'hash' : undefined
}
