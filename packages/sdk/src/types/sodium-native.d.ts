/**
 * The part of sodium-native that `platform/node/crypto-sodium.ts` calls. The package brings no types.
 *
 * Every function writes into buffers of the caller and throws on wrong lengths.
 */

declare module 'sodium-native' {
  interface Sodium {
    crypto_generichash(out: Uint8Array, input: Uint8Array, key?: Uint8Array): void
    crypto_hash_sha512(out: Uint8Array, input: Uint8Array): void

    crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
    crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
    crypto_sign_verify_detached(
      signature: Uint8Array,
      message: Uint8Array,
      publicKey: Uint8Array,
    ): boolean

    crypto_stream_xor(out: Uint8Array, input: Uint8Array, nonce: Uint8Array, key: Uint8Array): void
    readonly crypto_stream_xor_STATEBYTES: number
    crypto_stream_xor_init(state: Uint8Array, nonce: Uint8Array, key: Uint8Array): void
    crypto_stream_xor_update(state: Uint8Array, out: Uint8Array, input: Uint8Array): void
    crypto_scalarmult(out: Uint8Array, scalar: Uint8Array, point: Uint8Array): void
    crypto_scalarmult_ed25519_noclamp(out: Uint8Array, scalar: Uint8Array, point: Uint8Array): void

    crypto_aead_chacha20poly1305_ietf_encrypt(
      out: Uint8Array,
      plain: Uint8Array,
      ad: Uint8Array,
      nsec: null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number
    crypto_aead_chacha20poly1305_ietf_decrypt(
      out: Uint8Array,
      nsec: null,
      sealed: Uint8Array,
      ad: Uint8Array,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number

    readonly crypto_secretstream_xchacha20poly1305_STATEBYTES: number
    readonly crypto_secretstream_xchacha20poly1305_TAG_MESSAGE: number
    crypto_secretstream_xchacha20poly1305_init_push(
      state: Uint8Array,
      header: Uint8Array,
      key: Uint8Array,
    ): void
    crypto_secretstream_xchacha20poly1305_init_pull(
      state: Uint8Array,
      header: Uint8Array,
      key: Uint8Array,
    ): void
    crypto_secretstream_xchacha20poly1305_push(
      state: Uint8Array,
      out: Uint8Array,
      plain: Uint8Array,
      ad: Uint8Array | null,
      tag: number,
    ): number
    crypto_secretstream_xchacha20poly1305_pull(
      state: Uint8Array,
      out: Uint8Array,
      tag: Uint8Array,
      sealed: Uint8Array,
      ad: Uint8Array | null,
    ): number

    randombytes_buf(out: Uint8Array): void
  }

  const sodium: Sodium
  export default sodium
}
