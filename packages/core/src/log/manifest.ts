/**
 * The manifest of a generation 3 log: who may sign it.
 *
 * Owns: its encoding, the rules of making one, and the key that follows from it. Only BLAKE2b and Ed25519
 * exist (ids 0), so they are no fields. A manifest from a remote counts only if its canonical encoding
 * hashes to the key of the log (`encodeManifest(decodeManifest(bytes))`), which makes unknown flags and
 * long integers mismatch. Source: the generation 3 data model, section 5.
 */

import { DatError } from '../base/errors.ts'
import { MANIFEST_BYTES_MAX, MANIFEST_SIGNERS_MAX } from '../base/limits.ts'
import { copy, equal, equalAt, fromHex } from '../bytes/bytes.ts'
import { Reader, Writer } from '../bytes/cursor.ts'
import { HASH_BYTES, KEY_BYTES } from '../crypto/crypto.ts'
import { hash } from '../crypto/keys.ts'

/** One of those who may sign. */
export interface Signer {
  /** 32 bytes: what its signatures are bound to in version 0. */
  readonly namespace: Uint8Array
  readonly publicKey: Uint8Array
}

/** Who may sign a log, and what is fixed beforehand. */
export interface Manifest {
  readonly version: 0 | 1 | 2 | 3
  /** Signers may have signed a longer log and prove it with patches. */
  readonly allowPatch: boolean
  /** How many signers must sign. */
  readonly quorum: number
  readonly signers: readonly Signer[]
  /** The first `length` blocks are fixed: `hash` is their root hash, and they need no signature. */
  readonly prologue: Prologue | undefined
  /** Keys, free for applications; from version 2 on. */
  readonly linked: readonly Uint8Array[] | undefined
  /** From version 2 on. */
  readonly userData: Uint8Array | undefined
}

/** Blocks that are fixed when the log is made. */
export interface Prologue {
  readonly hash: Uint8Array
  readonly length: number
}

/** What a caller says to make a manifest; all else has a default. */
export interface ManifestInput {
  readonly version?: 0 | 1 | 2 | 3
  readonly signers: readonly { readonly publicKey: Uint8Array; readonly namespace?: Uint8Array }[]
  /** Default: more than half of the signers. */
  readonly quorum?: number
  readonly allowPatch?: boolean
  readonly prologue?: Prologue
  readonly linked?: readonly Uint8Array[]
  readonly userData?: Uint8Array
}

/** `namespace('hypercore', 3)` and `(…, 4)`. */
const MANIFEST = fromHex('e64b7108eacce47cfc61ac850568f55f8b15b82ec5ed78c4ec597b036e2a1498')
export const DEFAULT_NAMESPACE: Uint8Array = fromHex(
  '4144eea531e483d54e0c14f4ca68e0644f355343ff6fcb0f005200e12cd747cb',
)

const FLAG_PATCH = 1
const FLAG_PROLOGUE = 2
const FLAG_LINKED = 4
const FLAG_USER_DATA = 8

/** The kinds of version 0. */
const STATIC = 0
const ONE_SIGNER = 1
const SEVERAL = 2

const SIGNER_BYTES = 1 + KEY_BYTES + KEY_BYTES

/** The manifest of a log that one key pair writes: what everybody makes by default. */
export function defaultManifest(publicKey: Uint8Array): Manifest {
  return createManifest({ signers: [{ publicKey }] })
}

/** The same of a key that has its 32 bytes. */
function ofOneSigner(publicKey: Uint8Array): Manifest {
  return {
    version: 1,
    allowPatch: false,
    quorum: 1,
    signers: [{ namespace: DEFAULT_NAMESPACE, publicKey }],
    prologue: undefined,
    linked: undefined,
    userData: undefined,
  }
}

/** With a public key of zeros. */
const DEFAULT: Uint8Array = encodeManifest(ofOneSigner(new Uint8Array(KEY_BYTES)))

/** Fills in defaults and checks. Throws `BAD_ARGUMENT`. */
export function createManifest(input: ManifestInput): Manifest {
  const { linked, userData, prologue } = input
  const isExtended = (linked?.length ?? 0) > 0 || userData !== undefined
  const version = input.version ?? (isExtended ? 2 : 1)
  const count = input.signers.length
  const quorum = input.quorum ?? (count === 0 ? 0 : Math.floor(count / 2) + 1)
  const signers = input.signers.map((s) => ({
    namespace: s.namespace ?? DEFAULT_NAMESPACE,
    publicKey: s.publicKey,
  }))
  require(Number.isInteger(quorum) &&
    quorum >= 0 &&
    quorum <= count, 'The quorum does not fit the signers.')
  require(count <= MANIFEST_SIGNERS_MAX, `At most ${MANIFEST_SIGNERS_MAX} signers are allowed.`)
  for (const signer of signers) {
    require(signer.publicKey.length === KEY_BYTES, 'A public key has 32 bytes.')
    require(signer.namespace.length === KEY_BYTES, 'A namespace has 32 bytes.')
  }
  require(prologue === undefined ||
    prologue.hash.length === HASH_BYTES, 'A prologue hash has 32 bytes.')
  require(version >= 2 || !isExtended, 'Linked keys and user data need version 2.')
  for (const key of linked ?? []) require(key.length === KEY_BYTES, 'A linked key has 32 bytes.')
  return {
    version,
    allowPatch: input.allowPatch ?? false,
    quorum,
    signers,
    prologue,
    linked,
    userData,
  }
}

/** The key of the log that this manifest, in canonical encoding, belongs to. */
export function manifestKey(encoded: Uint8Array): Uint8Array {
  return hash(MANIFEST, encoded)
}

/** Is the key of the log the public key of its only signer? Then signatures and keys follow older rules. */
export function isCompat(manifest: Manifest, key: Uint8Array): boolean {
  const [signer] = manifest.signers
  return manifest.signers.length === 1 && signer !== undefined && equal(signer.publicKey, key)
}

// ---- Encoding ------------------------------------------------------------------------------------

/** The canonical encoding, of which the key is a hash. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const w = new Writer(128)
  w.uint(manifest.version)
  if (manifest.version === 0) encodeVersion0(w, manifest)
  else encodeVersion1(w, manifest)
  return w.take()
}

/** The encoding of `defaultManifest`, which ends with the public key. */
export function encodeDefaultManifest(publicKey: Uint8Array): Uint8Array {
  const encoded = copy(DEFAULT)
  encoded.set(publicKey, encoded.length - KEY_BYTES)
  return encoded
}

function encodeVersion1(w: Writer, manifest: Manifest): void {
  const { prologue, linked, userData } = manifest
  const hasLinked = linked !== undefined && linked.length > 0
  w.uint(
    (manifest.allowPatch ? FLAG_PATCH : 0) |
      (prologue !== undefined ? FLAG_PROLOGUE : 0) |
      (hasLinked ? FLAG_LINKED : 0) |
      (userData !== undefined ? FLAG_USER_DATA : 0),
  )
  w.uint(0) // BLAKE2b
  w.uint(manifest.quorum)
  encodeSigners(w, manifest.signers)
  if (prologue !== undefined) {
    w.fixed(prologue.hash)
    w.uint(prologue.length)
  }
  if (hasLinked) {
    w.uint(linked.length)
    for (const key of linked) w.fixed(key)
  }
  if (userData !== undefined) w.buffer(userData)
}

function encodeVersion0(w: Writer, manifest: Manifest): void {
  const { prologue, signers, allowPatch } = manifest
  const [only] = signers
  w.uint(0) // BLAKE2b
  if (prologue !== undefined && only === undefined) {
    w.uint(STATIC)
    w.fixed(prologue.hash)
  } else if (only !== undefined && signers.length === 1 && manifest.quorum === 1 && !allowPatch) {
    w.uint(ONE_SIGNER)
    encodeSigner(w, only)
  } else {
    w.uint(SEVERAL)
    w.uint(allowPatch ? FLAG_PATCH : 0)
    w.uint(manifest.quorum)
    encodeSigners(w, signers)
  }
}

function encodeSigners(w: Writer, signers: readonly Signer[]): void {
  w.uint(signers.length)
  for (const signer of signers) encodeSigner(w, signer)
}

function encodeSigner(w: Writer, signer: Signer): void {
  w.uint(0) // Ed25519
  w.fixed(signer.namespace)
  w.fixed(signer.publicKey)
}

// ---- Decoding ------------------------------------------------------------------------------------

/** Is it the encoding of a `defaultManifest`, in the canonical form? So it is for nearly all logs. */
export function isDefaultManifest(encoded: Uint8Array): boolean {
  const { length } = DEFAULT
  return encoded.length === length && equalAt(encoded, 0, DEFAULT, 0, length - KEY_BYTES)
}

/** Throws `BAD_FRAME`, `OVER_LIMIT`, or `UNSUPPORTED` for a version or algorithm of the future. */
export function decodeManifest(encoded: Uint8Array): Manifest {
  if (isDefaultManifest(encoded)) {
    return ofOneSigner(copy(encoded.subarray(encoded.length - KEY_BYTES)))
  }
  if (encoded.length > MANIFEST_BYTES_MAX) {
    throw new DatError('OVER_LIMIT', 'A manifest is too large.', { bytes: encoded.length })
  }
  const r = new Reader(encoded)
  const version = r.uint()
  if (version === 0) return decodeVersion0(r)
  if (version === 1 || version === 2 || version === 3) return decodeVersion1(r, version)
  throw new DatError('UNSUPPORTED', `A manifest has version ${version}, which is unknown.`, {
    version,
  })
}

function decodeVersion1(r: Reader, version: 1 | 2 | 3): Manifest {
  const flags = r.uint()
  expectZero(r.uint(), 'hash')
  const quorum = r.uint()
  const signers = decodeSigners(r)
  const has = (flag: number): boolean => Math.floor(flags / flag) % 2 === 1
  return {
    version,
    allowPatch: has(FLAG_PATCH),
    quorum,
    signers,
    prologue: has(FLAG_PROLOGUE)
      ? { hash: copy(r.fixed(HASH_BYTES)), length: r.uint() }
      : undefined,
    linked: has(FLAG_LINKED) ? decodeKeys(r) : undefined,
    userData: has(FLAG_USER_DATA) ? copy(r.buffer()) : undefined,
  }
}

function decodeVersion0(r: Reader): Manifest {
  expectZero(r.uint(), 'hash')
  const kind = r.uint()
  const rest = { version: 0, linked: undefined, userData: undefined } as const
  if (kind === STATIC) {
    const prologue = { hash: copy(r.fixed(HASH_BYTES)), length: 0 }
    return { ...rest, allowPatch: false, quorum: 0, signers: [], prologue }
  }
  if (kind === ONE_SIGNER) {
    const signers = [decodeSigner(r)]
    return { ...rest, allowPatch: false, quorum: 1, signers, prologue: undefined }
  }
  if (kind !== SEVERAL) {
    throw new DatError('UNSUPPORTED', `A manifest is of kind ${kind}, which is unknown.`, { kind })
  }
  const allowPatch = r.uint() % 2 === FLAG_PATCH
  return { ...rest, allowPatch, quorum: r.uint(), signers: decodeSigners(r), prologue: undefined }
}

function decodeSigners(r: Reader): Signer[] {
  const count = r.count(SIGNER_BYTES, MANIFEST_SIGNERS_MAX)
  return Array.from({ length: count }, () => decodeSigner(r))
}

function decodeSigner(r: Reader): Signer {
  expectZero(r.uint(), 'signature')
  return { namespace: copy(r.fixed(KEY_BYTES)), publicKey: copy(r.fixed(KEY_BYTES)) }
}

function decodeKeys(r: Reader): Uint8Array[] {
  return Array.from({ length: r.count(KEY_BYTES) }, () => copy(r.fixed(KEY_BYTES)))
}

function expectZero(id: number, what: string): void {
  if (id === 0) return
  throw new DatError('UNSUPPORTED', `A manifest names ${what} algorithm ${id}, which is unknown.`, {
    id,
  })
}

function require(condition: boolean, message: string): void {
  if (!condition) throw new DatError('BAD_ARGUMENT', message)
}
