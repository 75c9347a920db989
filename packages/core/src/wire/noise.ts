/**
 * The Noise handshake XX with BLAKE2b, as a pure state machine.
 *
 * Owns: the pattern, as in the Noise specification, section 5; the prologue is empty, both sides' payloads have the
 * same length. What differs is a suite. Generation 3's is here: `Noise_XX_Ed25519_ChaChaPoly_BLAKE2b` (replication.md
 * section 2.2), where keys are Ed25519 signing keys, the shared secret is the compressed point of the
 * clamped scalar times the remote's point, and payloads are empty. Generation 2's are in `gen2-noise.ts`.
 *
 *     → e                      32 bytes and the payload
 *     ← e, ee, s, es           96
 *     → s, se                  64
 *
 * Always true: messages alternate and are read and written once each; the first wrong byte ends it with
 * `BAD_HANDSHAKE`. Ephemeral keys are passed in, so the same input gives the same bytes.
 */

import { DatError } from '../base/errors.ts'
import { concat, copy, EMPTY, equal, utf8 } from '../bytes/bytes.ts'
import { crypto, KEY_BYTES, type KeyPair } from '../crypto/crypto.ts'

/** What differs between the handshakes of this pattern. */
export interface NoiseSuite {
  readonly protocolName: string
  /**
   * The shared secret of one token.
   *
   * @returns undefined if the remote's key is refused
   */
  dh(ours: KeyPair, theirs: Uint8Array, isInitiator: boolean): Uint8Array | undefined
  /** `counter` is the number of the message under this key. */
  seal(out: Uint8Array, plain: Uint8Array, ad: Uint8Array, counter: number, key: Uint8Array): void
  unseal(
    out: Uint8Array,
    sealed: Uint8Array,
    ad: Uint8Array,
    counter: number,
    key: Uint8Array,
  ): boolean
}

/** What both sides know when the handshake is done. */
export interface NoiseSession {
  /** 32 bytes: the key of what we send. */
  readonly sendKey: Uint8Array
  /** 32 bytes: the key of what we receive. */
  readonly receiveKey: Uint8Array
  /** 64 bytes, the same on both sides. */
  readonly handshakeHash: Uint8Array
  /** 32 bytes. */
  readonly remotePublicKey: Uint8Array
  /** What came with the remote's last message, authenticated. */
  readonly remotePayload: Uint8Array
}

/** One side of one handshake. */
export interface NoiseOptions {
  readonly isInitiator: boolean
  readonly keyPair: KeyPair
  /** Never used before and never again. */
  readonly ephemeral: KeyPair
  /** Who must be at the other end; anybody if absent. */
  readonly remotePublicKey?: Uint8Array
  /** Default: generation 3's. */
  readonly suite?: NoiseSuite
  /** Sent with each of our messages; the remote's have the same length. Default: nothing. */
  readonly payload?: Uint8Array
}

const NOISE_HASH_BYTES = 64
const SEAL_BYTES = 16

/** One side of one handshake: `write` and `read` in turn until `isDone`. */
export class NoiseXX {
  readonly #isInitiator: boolean
  readonly #static: KeyPair
  readonly #ephemeral: KeyPair
  readonly #expected: Uint8Array | undefined
  readonly #suite: NoiseSuite
  readonly #payload: Uint8Array
  readonly #state: SymmetricState
  #remoteEphemeral: Uint8Array = EMPTY
  #remoteStatic: Uint8Array = EMPTY
  #remotePayload: Uint8Array = EMPTY
  /** Messages written and read. */
  #step = 0

  constructor(options: NoiseOptions) {
    this.#isInitiator = options.isInitiator
    this.#static = options.keyPair
    this.#ephemeral = options.ephemeral
    this.#expected = options.remotePublicKey
    this.#suite = options.suite ?? ED25519_SUITE
    this.#payload = options.payload ?? EMPTY
    this.#state = new SymmetricState(this.#suite)
  }

  /** Is the next message ours? */
  get isOurTurn(): boolean {
    return this.#step < 3 && this.#isInitiator === (this.#step % 2 === 0)
  }

  get isDone(): boolean {
    return this.#step === 3
  }

  /** Our next message. */
  write(): Uint8Array {
    if (!this.isOurTurn) throw new DatError('INVARIANT', "It is the remote's turn.")
    const step = this.#step++
    const state = this.#state
    if (step === 0) return concat(this.#writeEphemeral(), state.seal(this.#payload))
    if (step === 1) {
      const e = this.#writeEphemeral()
      this.#mix(this.#ephemeral, this.#remoteEphemeral) // ee
      const s = state.seal(this.#static.publicKey)
      this.#mix(this.#static, this.#remoteEphemeral) // es
      return concat(e, s, state.seal(this.#payload))
    }
    const s = state.seal(this.#static.publicKey)
    this.#mix(this.#static, this.#remoteEphemeral) // se
    return concat(s, state.seal(this.#payload))
  }

  /** @throws DatError BAD_HANDSHAKE if the message is not what Noise expects, or not from whom we do */
  read(message: Uint8Array): void {
    if (this.isOurTurn || this.isDone) throw refused('it is not the turn of the remote')
    const step = this.#step++
    const state = this.#state
    if (step === 0) {
      this.#readEphemeral(message)
      const payload = message.subarray(KEY_BYTES)
      if (payload.length !== this.#payload.length) throw refused('its length is wrong')
      this.#remotePayload = state.open(payload)
      return
    }
    let sealed = message
    if (step === 1) {
      this.#readEphemeral(message)
      this.#mix(this.#ephemeral, this.#remoteEphemeral) // ee
      sealed = message.subarray(KEY_BYTES)
    }
    const payloadAt = KEY_BYTES + SEAL_BYTES
    if (sealed.length !== payloadAt + this.#payload.length + SEAL_BYTES)
      throw refused('its length is wrong')
    this.#remoteStatic = state.open(sealed.subarray(0, payloadAt))
    this.#mix(this.#ephemeral, this.#remoteStatic) // es, se
    this.#remotePayload = state.open(sealed.subarray(payloadAt))
    if (this.#expected !== undefined && !equal(this.#expected, this.#remoteStatic)) {
      throw refused('it is from somebody else than expected')
    }
  }

  /** Available when `isDone`. */
  session(): NoiseSession {
    if (!this.isDone) throw new DatError('INVARIANT', 'The handshake is not done.')
    const [first, second] = this.#state.split()
    return {
      sendKey: this.#isInitiator ? first : second,
      receiveKey: this.#isInitiator ? second : first,
      handshakeHash: this.#state.hash,
      remotePublicKey: this.#remoteStatic,
      remotePayload: this.#remotePayload,
    }
  }

  #mix(ours: KeyPair, theirs: Uint8Array): void {
    const shared = this.#suite.dh(ours, theirs, this.#isInitiator)
    if (shared === undefined) throw refused('its key is no point of the curve')
    this.#state.mixKey(shared)
  }

  #writeEphemeral(): Uint8Array {
    this.#state.mixHash(this.#ephemeral.publicKey)
    return this.#ephemeral.publicKey
  }

  #readEphemeral(message: Uint8Array): void {
    if (message.length < KEY_BYTES) throw refused('its length is wrong')
    this.#remoteEphemeral = concat(message.subarray(0, KEY_BYTES))
    this.#state.mixHash(this.#remoteEphemeral)
  }
}

/** Noise's SymmetricState with its CipherState. */
class SymmetricState {
  readonly #suite: NoiseSuite
  #chainingKey: Uint8Array
  #hash: Uint8Array
  #key: Uint8Array | undefined
  #nonce = 0

  constructor(suite: NoiseSuite) {
    this.#suite = suite
    this.#hash = new Uint8Array(NOISE_HASH_BYTES)
    this.#hash.set(utf8(suite.protocolName))
    this.#chainingKey = this.#hash
    this.mixHash(EMPTY) // the prologue
  }

  get hash(): Uint8Array {
    return this.#hash
  }

  mixHash(data: Uint8Array): void {
    this.#hash = hash512(this.#hash, data)
  }

  mixKey(material: Uint8Array): void {
    const [chainingKey, key] = derive(this.#chainingKey, material)
    this.#chainingKey = chainingKey
    this.#key = key.subarray(0, KEY_BYTES)
    this.#nonce = 0
  }

  /** EncryptAndHash: before the first key the text goes as it is. */
  seal(plain: Uint8Array): Uint8Array {
    const sealed = this.#key === undefined ? plain : new Uint8Array(plain.length + SEAL_BYTES)
    if (this.#key !== undefined) {
      this.#suite.seal(sealed, plain, this.#hash, this.#nonce++, this.#key)
    }
    this.mixHash(sealed)
    return sealed
  }

  /** DecryptAndHash. */
  open(sealed: Uint8Array): Uint8Array {
    const isClear = this.#key === undefined
    const plain = isClear ? copy(sealed) : new Uint8Array(sealed.length - SEAL_BYTES)
    if (
      this.#key !== undefined &&
      !this.#suite.unseal(plain, sealed, this.#hash, this.#nonce++, this.#key)
    ) {
      throw refused('it does not authenticate')
    }
    this.mixHash(sealed)
    return plain
  }

  split(): [Uint8Array, Uint8Array] {
    const [first, second] = derive(this.#chainingKey, EMPTY)
    return [first.subarray(0, KEY_BYTES), second.subarray(0, KEY_BYTES)]
  }
}

/** 4 zero bytes, then a counter; a key is used for two messages at most. */
export function noiseNonce(counter: number): Uint8Array {
  const nonce = new Uint8Array(12)
  nonce[4] = counter
  return nonce
}

const ED25519_SUITE: NoiseSuite = {
  protocolName: 'Noise_XX_Ed25519_ChaChaPoly_BLAKE2b',
  dh: multiplied,
  seal: (out, plain, ad, counter, key) => crypto().seal(out, plain, ad, noiseNonce(counter), key),
  unseal: (out, sealed, ad, counter, key) =>
    crypto().unseal(out, sealed, ad, noiseNonce(counter), key),
}

function multiplied(ours: KeyPair, theirs: Uint8Array): Uint8Array | undefined {
  const scalar = new Uint8Array(64)
  crypto().sha512(scalar, ours.secretKey.subarray(0, 32))
  scalar[0] = (scalar[0] ?? 0) & 248
  scalar[31] = ((scalar[31] ?? 0) & 127) | 64
  const out = new Uint8Array(KEY_BYTES)
  const isPoint = crypto().multiply(out, scalar.subarray(0, KEY_BYTES), theirs)
  scalar.fill(0)
  return isPoint ? out : undefined
}

function hash512(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(NOISE_HASH_BYTES)
  crypto().hash512(out, concat(...parts))
  return out
}

const HMAC_BLOCK_BYTES = 128

function hmac(key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array {
  const inner = new Uint8Array(HMAC_BLOCK_BYTES).fill(0x36)
  const outer = new Uint8Array(HMAC_BLOCK_BYTES).fill(0x5c)
  for (let i = 0; i < key.length; i++) {
    inner[i] = 0x36 ^ (key[i] ?? 0)
    outer[i] = 0x5c ^ (key[i] ?? 0)
  }
  return hash512(outer, hash512(inner, ...data))
}

/** HKDF with two outputs. */
function derive(chainingKey: Uint8Array, material: Uint8Array): [Uint8Array, Uint8Array] {
  const secret = hmac(chainingKey, material)
  const first = hmac(secret, Uint8Array.of(1))
  return [first, hmac(secret, first, Uint8Array.of(2))]
}

function refused(why: string): DatError {
  return new DatError('BAD_HANDSHAKE', `The peer's handshake was refused: ${why}.`)
}
