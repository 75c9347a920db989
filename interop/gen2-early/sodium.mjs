/**
 * What hypercore 8 expects of its native sodium, on a major version of it that runs here.
 *
 * Two things have changed since: ciphers write to outputs of the exact size only, and key streams are no objects.
 */

import sodium from 'sodium-native'

// Others are told to do without; here the two kinds can not be mixed.
delete process.env.SODIUM_NATIVE

const TAG_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES

const encrypt = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt
sodium.crypto_aead_xchacha20poly1305_ietf_encrypt = (out, plain, ...rest) =>
  encrypt(out.subarray(0, plain.length + TAG_BYTES), plain, ...rest)

const decrypt = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt
sodium.crypto_aead_xchacha20poly1305_ietf_decrypt = (out, nothing, sealed, ...rest) =>
  decrypt(out.subarray(0, sealed.length - TAG_BYTES), nothing, sealed, ...rest)

sodium.crypto_stream_xor_instance = (nonce, key) => {
  const state = Buffer.alloc(sodium.crypto_stream_xor_STATEBYTES)
  sodium.crypto_stream_xor_init(state, nonce, key)
  return {
    update: (out, input) => sodium.crypto_stream_xor_update(state, out, input),
    final: () => sodium.crypto_stream_xor_final(state),
  }
}
