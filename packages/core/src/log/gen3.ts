/**
 * Generation 3 (hypercore 10 and 11): what differs, as a table.
 *
 * Hashes with little-endian sizes; a manifest says who may sign, unless the key is the signer's public key
 * itself ("compat"). What is signed binds the log, its tree, its length and its fork:
 *
 *     signable := TREE | context | root hash | u64 length | u64 fork        (112 bytes)
 *     context  := key of the log (manifest version 1 and up), namespace of the signer (version 0), or
 *                 nothing at all (compat: 80 bytes)
 *
 * Source: the generation 3 data model, section 6.
 */

import { DatError } from '../base/errors.ts'
import { EMPTY, equal, fromHex } from '../bytes/bytes.ts'
import { prefixed } from '../bytes/encodings.ts'
import { writeU64LE } from '../bytes/integers.ts'
import { crypto, HASH_BYTES, type KeyPair } from '../crypto/crypto.ts'
import { sign } from '../crypto/keys.ts'
import { TreeHash } from '../tree/hash.ts'
import type { NodeSet } from '../tree/nodes.ts'
import { prove } from '../tree/prove.ts'
import type { Authority, Generation, TreeState } from './generation.ts'
import { decodeManifest, isCompat, type Manifest } from './manifest.ts'
import { acceptsMulti, encodeMulti, type Part } from './multisig.ts'

/** `namespace('hypercore', 0)`: keeps signatures over trees apart from all others. */
const TREE = fromHex('9fac70b50ca14efc4e91c833b204e75b8b5aad8b5881bfc0adb5ef38a3275b9c')

/** The table of generation 3. */
export const gen3: Generation = {
  id: 3,
  hash: new TreeHash(writeU64LE),
  keepsSignatures: false,
  headFromNodes: false,
  canFork: true,
  bareMessage: prefixed,

  digest: () => -1,

  newReader: () => undefined,

  prove(shown, request, _reader, out) {
    const { slot, head, prologueLength } = shown
    if (request.block >= 0 && !shown.isDurable(request.block)) return 'unavailable'
    const refused = prove(request, slot, head.length, prologueLength, out)
    if (out.hasUpgrade) out.signature = head.signature
    return refused
  },

  accepts(authority, tree, signature) {
    const manifest = manifestOf(authority)
    if (manifest === undefined) return acceptsOne(authority.key, signable(EMPTY, tree), signature)
    const signer = soleSigner(manifest)
    if (signer !== undefined) {
      return acceptsOne(signer.publicKey, signable(signer.namespace, tree), signature)
    }
    const { prologue } = manifest
    if (manifest.version > 0 && prologue !== undefined && tree.length <= prologue.length) {
      return tree.length === prologue.length && equal(tree.rootHash, prologue.hash)
    }
    if (signature === undefined) return false
    return acceptsMulti(manifest, tree, signature, gen3.hash, (index, grown) =>
      signable(contextOf(manifest, index, authority.key), grown),
    )
  },

  made: (authority, tree, signature) => gen3.accepts(authority, tree, signature),

  maySign(authority, keyPair) {
    const manifest = manifestOf(authority)
    if (manifest === undefined) return equal(keyPair.publicKey, authority.key)
    return manifest.quorum === 1 && signerIndex(manifest, keyPair) !== -1
  },

  sign(authority, tree, keyPair) {
    const manifest = manifestOf(authority)
    if (manifest === undefined) {
      requireSigner(equal(keyPair.publicKey, authority.key))
      return sign(signable(EMPTY, tree), keyPair.secretKey)
    }
    const index = signerIndex(manifest, keyPair)
    requireSigner(index !== -1)
    const signature = signAs(authority.key, manifest, index, tree, keyPair)
    if (soleSigner(manifest) !== undefined) return signature
    if (manifest.quorum > 1) {
      throw new DatError(
        'NOT_WRITABLE',
        `This log needs ${manifest.quorum} signatures; collect them and pass the assembled signature.`,
        { quorum: manifest.quorum },
      )
    }
    return encodeMulti(manifest.version, [{ signer: index, signature, patch: 0 }])
  },
}

/** Our part of the signature of a log with several signers, over `tree`. 64 bytes. */
export function signPart(authority: Authority, tree: TreeState, keyPair: KeyPair): Uint8Array {
  const manifest = manifestOf(authority)
  if (manifest === undefined) return gen3.sign(authority, tree, keyPair)
  const index = signerIndex(manifest, keyPair)
  requireSigner(index !== -1)
  return signAs(authority.key, manifest, index, tree, keyPair)
}

/** Did signer number `index` sign this tree? */
export function acceptsPart(
  authority: Authority,
  tree: TreeState,
  index: number,
  signature: Uint8Array,
): boolean {
  const manifest = manifestOf(authority)
  const signer = manifest?.signers[index]
  if (manifest === undefined || signer === undefined) return false
  const message = signable(contextOf(manifest, index, authority.key), tree)
  return crypto().verify(signature, message, signer.publicKey)
}

/** The number of the signer with this key pair. Throws `NOT_WRITABLE` if there is none. */
export function signerOf(manifest: Manifest, keyPair: KeyPair): number {
  const index = signerIndex(manifest, keyPair)
  requireSigner(index !== -1)
  return index
}

/** The stored form of parts, with the nodes of their patches. */
export function joinParts(
  manifest: Manifest,
  parts: readonly Part[],
  nodes: NodeSet,
  length: number,
): Uint8Array {
  const [only] = parts
  if (only !== undefined && soleSigner(manifest) !== undefined) return only.signature
  return encodeMulti(manifest.version, parts, nodes, length)
}

function signAs(
  key: Uint8Array,
  manifest: Manifest,
  index: number,
  tree: TreeState,
  keyPair: KeyPair,
): Uint8Array {
  return sign(signable(contextOf(manifest, index, key), tree), keyPair.secretKey)
}

/** Undefined stands for compat: one signer, whose public key is the key of the log. */
function manifestOf(authority: Authority): Manifest | undefined {
  if (authority.manifest === undefined) return undefined
  const manifest = authority.decoded ?? decodeManifest(authority.manifest)
  return isCompat(manifest, authority.key) ? undefined : manifest
}

/** Version 0 with one signer and no patches: a bare signature instead of a list. */
function soleSigner(manifest: Manifest): Manifest['signers'][number] | undefined {
  if (manifest.version !== 0 || manifest.allowPatch || manifest.signers.length !== 1)
    return undefined
  return manifest.quorum === 1 ? manifest.signers[0] : undefined
}

function contextOf(manifest: Manifest, index: number, key: Uint8Array): Uint8Array {
  return manifest.version > 0 ? key : (manifest.signers[index]?.namespace ?? key)
}

function signerIndex(manifest: Manifest, keyPair: KeyPair): number {
  const { signers } = manifest
  for (let i = 0; i < signers.length; i++) {
    const signer = signers[i]
    if (signer !== undefined && equal(signer.publicKey, keyPair.publicKey)) return i
  }
  return -1
}

function requireSigner(isSigner: boolean): void {
  if (isSigner) return
  throw new DatError('NOT_WRITABLE', 'This key pair is no signer of the log.')
}

function acceptsOne(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array | undefined,
): boolean {
  return signature !== undefined && crypto().verify(signature, message, publicKey)
}

/** What is signed, in memory that the next call writes over: with a context and without one. */
const withContext = newSignable(HASH_BYTES)
const withoutContext = newSignable(0)

function newSignable(contextBytes: number): Uint8Array {
  const message = new Uint8Array(TREE.length + contextBytes + HASH_BYTES + 16)
  message.set(TREE)
  return message
}

/** The message for a context of 32 bytes, or of none. Good until the next call. */
function signable(context: Uint8Array, tree: TreeState): Uint8Array {
  const message = context.length === 0 ? withoutContext : withContext
  message.set(context, TREE.length)
  const at = TREE.length + context.length
  message.set(tree.rootHash, at)
  writeU64LE(message, at + HASH_BYTES, tree.length)
  writeU64LE(message, at + HASH_BYTES + 8, tree.fork)
  return message
}
