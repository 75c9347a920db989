/**
 * Logs whose first blocks are fixed by their key.
 *
 * Owns: prologues. The manifest of such a log names the root hash of its first blocks, and the key is the hash of the
 * manifest: whoever has the key can check those blocks without any signature, and nobody can ever write others. A
 * *static* log has no signers at all, so that it is its prologue. To make one, open the log of
 * `staticManifest(blocks)` and append exactly these blocks: that is the one append that needs no key.
 * Source: the generation 3 data model, sections 5 and 6.3.
 */

import { DatError } from '../base/errors.ts'
import { pushRoot } from '../tree/grow.ts'
import { NodeSet } from '../tree/nodes.ts'
import { gen3 } from './gen3.ts'
import { createManifest, type Manifest, type Prologue } from './manifest.ts'

/** What fixes these blocks, in this order, as the first ones of a log: for `ManifestInput.prologue`. */
export function prologueOf(blocks: readonly Uint8Array[]): Prologue {
  if (blocks.length === 0) throw new DatError('BAD_ARGUMENT', 'A prologue has at least one block.')
  const { hash } = gen3
  const roots = new NodeSet()
  blocks.forEach((block, i) => {
    hash.leaf(block)
    pushRoot(roots, hash, 2 * i, block.length, hash.result, 0, undefined)
  })
  return { hash: hash.root(roots), length: blocks.length }
}

/** The manifest of the log that has these blocks and will never have others. */
export function staticManifest(
  blocks: readonly Uint8Array[],
  more: { readonly linked?: readonly Uint8Array[]; readonly userData?: Uint8Array } = {},
): Manifest {
  return createManifest({ ...more, signers: [], prologue: prologueOf(blocks) })
}
