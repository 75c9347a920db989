/**
 * What differs between the three generations of a log, as one table of functions per generation.
 *
 * Owns: the interface; `generations.ts` has the three. A generation is chosen in three places only: when a stored log is
 * opened, by a connection's first bytes, and in migration. Everywhere else the object is called and nobody
 * asks which one it is. Log generation and drive format are two axes: neither follows from the other.
 *
 * Facts (checked against hypercore 7, 9 and 11): hashes of 1 and 2 are equal; 3 writes its sizes little-endian. 1
 * signs the root hash; 2 the root hash and the length, and accepts 1's; 3 the context, root hash, length and
 * fork. 1 and 2 keep a signature per append, 3 only the newest. Discovery keys are equal in all.
 */

import type { Encoding } from '../bytes/encodings.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import type { Head, Slot } from '../store/store.ts'
import type { HeldNodes, ReaderMemory } from '../tree/digest.ts'
import type { TreeHash } from '../tree/hash.ts'
import type { NodeSet } from '../tree/nodes.ts'
import type { Proof } from '../tree/proof.ts'
import type { ProofRequest, Refused } from '../tree/prove.ts'
import type { Manifest } from './manifest.ts'

/** A tree as a signature speaks of it. */
export interface TreeState {
  readonly fork: number
  readonly length: number
  /** Full roots, left to right. */
  readonly roots: NodeSet
  /** `TreeHash.root(roots)`, 32 bytes. */
  readonly rootHash: Uint8Array
}

/** What acceptance depends on beside the tree. */
export interface Authority {
  readonly key: Uint8Array
  /** Encoded manifest; `undefined` for generations without, for compat logs, and while unknown. */
  readonly manifest: Uint8Array | undefined
  /** The same decoded, where that was done already. */
  readonly decoded?: Manifest | undefined
}

/** What of a log may be shown, for answering requests from it. */
export interface Shown {
  readonly slot: Slot
  /** The newest head that is signed and on the disk. */
  readonly head: Head
  /** Length of the blocks that the manifest fixes; 0 for none. */
  readonly prologueLength: number
  /** Is the block held and on the disk? */
  isDurable(block: number): boolean
}

/** The functions and facts in which generations differ. */
export interface Generation {
  readonly id: 1 | 2 | 3
  readonly hash: TreeHash
  /** One signature per append, each kept at its length; otherwise only the newest. */
  readonly keepsSignatures: boolean
  /** The length of a head is not sent: it follows from the nodes that come with its signature. */
  readonly headFromNodes: boolean
  /** May the history be shortened and continued on a higher fork? */
  readonly canFork: boolean
  /** How programs send the bytes of an extension for which nobody has named an encoding. */
  readonly bareMessage: Encoding<Uint8Array>
  /** What a request for block `block`, or its leaf, says of the nodes around it that are held; -1 where none does. */
  digest(held: HeldNodes, block: number): number
  /** What a server remembers of one reader from request to request; `undefined` where each request says all. */
  newReader(): ReaderMemory | undefined
  /**
   * Fills `out` (which was reset) with the answer to a request, in the order of the generation's wire, the signature
   * included and the value not. May answer with a hash where a block is asked for that is not held any more, and
   * with another leaf where a position is sought.
   *
   * @param reader what `newReader` made for this reader
   */
  prove(
    shown: Shown,
    request: Readonly<ProofRequest>,
    reader: ReaderMemory | undefined,
    out: Proof,
  ): Refused | undefined
  /** Does the author of `authority.key` stand behind this tree? */
  accepts(authority: Authority, tree: TreeState, signature: Uint8Array | undefined): boolean
  /** Is this a signature as writers of this generation make it? */
  made(authority: Authority, tree: TreeState, signature: Uint8Array | undefined): boolean
  /** May `keyPair` sign alone, so that appends need nobody else? */
  maySign(authority: Authority, keyPair: KeyPair): boolean
  /** The stored and transmitted form of our signature. Throws `NOT_WRITABLE` if `keyPair` may not sign alone. */
  sign(authority: Authority, tree: TreeState, keyPair: KeyPair): Uint8Array
}
