/**
 * libsodium's secretstream (XChaCha20-Poly1305), for the portable provider.
 *
 * Owns: both halves of a stream, tag MESSAGE on sending, no additional data. A message is the encrypted tag
 * byte, the ciphertext and a 16-byte MAC. Source: the generation 3 replication specification, section 2.3.
 *
 *     key    := HChaCha20(stream key, header[0 .. 16))
 *     nonce  := counter u32 little-endian, from 1 | header[16 .. 24)
 *     block 0 of ChaCha20: the MAC's key; block 1: tag byte and 63 zeros, MACed whole; block 2 on: the text
 *
 * After each message the last 8 bytes of the nonce are mixed with the MAC. When the counter wraps, or the
 * sender asks for it in the tag, key and nonce are replaced by their own encryption.
 */

import { poly1305 } from '@noble/ciphers/_poly1305.js'
import { chacha20, hchacha } from '@noble/ciphers/chacha.js'
import { copy, equalConstantTime } from '../bytes/bytes.ts'
import { readU32LE, writeU32LE, writeU64LE } from '../bytes/integers.ts'
import { STREAM_OVERHEAD_BYTES, type StreamIn, type StreamOut } from './crypto.ts'

const TAG_MESSAGE = 0
const TAG_REKEY = 2
const BLOCK_BYTES = 64
const NONCE_AT = 32

/** "expand 32-byte k", as HChaCha20 wants it. */
const SIGMA = new TextEncoder().encode('expand 32-byte k')

/** Begins a stream; the caller has filled `header` with random bytes. */
export function portableStreamOut(header: Uint8Array, key: Uint8Array): StreamOut {
  const state = new State(header, key)
  return {
    push(out, plain): void {
      const block = state.tagBlock(TAG_MESSAGE)
      const length = plain.length
      const sealed = out.subarray(1, 1 + length)
      state.xor(sealed, plain, 2)
      out[0] = block[0] ?? 0
      const mac = state.mac(block, sealed)
      out.set(mac, 1 + length)
      state.advance(mac, TAG_MESSAGE)
    },
  }
}

/** Continues the stream that began with `header`. */
export function portableStreamIn(header: Uint8Array, key: Uint8Array): StreamIn {
  const state = new State(header, key)
  return {
    pull(out, message): boolean {
      const length = message.length - STREAM_OVERHEAD_BYTES
      if (length < 0) return false
      // The tag byte is the first of its block, and the MAC is over the block as it was encrypted.
      const tag = (state.tagBlock(0)[0] ?? 0) ^ (message[0] ?? 0)
      const block = state.tagBlock(tag)
      const sealed = message.subarray(1, 1 + length)
      const mac = copy(message.subarray(1 + length))
      if (!equalConstantTime(state.mac(block, sealed), mac)) return false
      state.xor(out, sealed, 2)
      state.advance(mac, tag)
      return true
    },
  }
}

class State {
  /** Key (32 bytes), counter (4), and the part of the nonce that is mixed (8). */
  readonly #bytes = new Uint8Array(44)
  readonly #key = this.#bytes.subarray(0, NONCE_AT)
  readonly #nonce = this.#bytes.subarray(NONCE_AT)

  constructor(header: Uint8Array, key: Uint8Array) {
    const derived = new Uint32Array(8)
    hchacha(words(SIGMA), words(key), words(header.subarray(0, 16)), derived)
    this.#key.set(new Uint8Array(derived.buffer))
    this.#nonce.set(header.subarray(16, 24), 4)
    writeU32LE(this.#nonce, 0, 1)
  }

  xor(out: Uint8Array, input: Uint8Array, firstBlock: number): void {
    chacha20(this.#key, this.#nonce, input, out, firstBlock)
  }

  tagBlock(tag: number): Uint8Array {
    const block = new Uint8Array(BLOCK_BYTES)
    block[0] = tag
    this.xor(block, block, 1)
    return block
  }

  mac(block: Uint8Array, sealed: Uint8Array): Uint8Array {
    const macKey = new Uint8Array(32)
    this.xor(macKey, macKey, 0)
    // libsodium pads with `length mod 16` zeros where the design meant the rest to 16. It is the format now.
    const tail = new Uint8Array((sealed.length % 16) + 16)
    writeU64LE(tail, tail.length - 8, BLOCK_BYTES + sealed.length)
    return poly1305.create(macKey).update(block).update(sealed).update(tail).digest()
  }

  /** Moves on to the next message. */
  advance(mac: Uint8Array, tag: number): void {
    for (let i = 0; i < 8; i++) this.#nonce[4 + i] = (this.#nonce[4 + i] ?? 0) ^ (mac[i] ?? 0)
    const counter = (readU32LE(this.#nonce, 0) + 1) % 2 ** 32
    writeU32LE(this.#nonce, 0, counter)
    if (counter === 0 || (tag & TAG_REKEY) !== 0) this.#rekey()
  }

  #rekey(): void {
    const next = new Uint8Array(40)
    next.set(this.#key)
    next.set(this.#nonce.subarray(4), NONCE_AT)
    this.xor(next, next, 0)
    this.#key.set(next.subarray(0, NONCE_AT))
    this.#nonce.set(next.subarray(NONCE_AT), 4)
    writeU32LE(this.#nonce, 0, 1)
  }
}

/** The memory of `bytes` as words; a copy, because a view could be unaligned. */
function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(copy(bytes).buffer)
}
