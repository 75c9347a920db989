/**
 * First bytes of a connection to the generation that speaks them, as far as they tell.
 *
 * Owns: the three beginnings. The side that was dialled sees them first:
 *
 *     3   20 00 00 | 32 bytes                     a frame of 32 bytes: an ephemeral key
 *     2   3a | 32 bytes | 0a 18 | 24 bytes        58 bytes: an ephemeral key, then a nonce as protobuf
 *     1   3d 00 0a 20 | …                         61 bytes on channel 0: a Feed with its discovery key
 *
 * An ephemeral key may hold any bytes, so generation 2 is known by its length byte and by what follows the
 * key. Generation 3 over hyperswarm has its handshake inside the network's own messages and begins with its
 * header: such connections never come here.
 */

/** A generation, or why there is none to name yet. */
export type FirstBytes =
  | 1
  | 2
  | 3
  /** None of ours. */
  | 'unknown'
  /** More bytes are needed to tell. */
  | undefined

const GEN3 = [0x20, 0x00, 0x00]
const GEN2 = [0x3a]
const GEN1 = [0x3d, 0x00, 0x0a, 0x20]

/** Length byte and ephemeral key, before the payload of generation 2's first message. */
const GEN2_PAYLOAD_AT = 33
const GEN2_PAYLOAD = [0x0a, 0x18]

/** @param bytes everything that has come so far */
export function detectGeneration(bytes: Uint8Array): FirstBytes {
  if (bytes.length === 0) return undefined
  const [first] = bytes
  if (first === GEN3[0]) return begins(bytes, 0, GEN3, 3)
  if (first === GEN1[0]) return begins(bytes, 0, GEN1, 1)
  if (first === GEN2[0]) return begins(bytes, GEN2_PAYLOAD_AT, GEN2_PAYLOAD, 2)
  return 'unknown'
}

function begins(
  bytes: Uint8Array,
  at: number,
  expected: readonly number[],
  generation: 1 | 2 | 3,
): FirstBytes {
  for (let i = 0; i < expected.length; i++) {
    if (at + i >= bytes.length) return undefined
    if (bytes[at + i] !== expected[i]) return 'unknown'
  }
  return generation
}
