/**
 * The rows of the threat model that concern the wire, and the tests that hold them; the other `rows-*` have the others, and
 * `docs/threats.md` all of them.
 *
 * Owns: the shape of the tables, and this one. A row names what comes in or goes wrong, the constants of `base/limits.ts` that bound it, and the
 * tests, by file (from the root of the project) and name as it stands in the source. `missing` says what of a row
 * is not there.
 */

export interface Row {
  readonly from: string
  readonly limits: readonly string[]
  readonly tests: readonly (readonly [file: string, ...names: string[]])[]
  readonly missing?: string
}

export const CORE = 'packages/core/test'
export const SDK = 'packages/sdk/test'

/** Section 5: what strangers and peers send. */
export const WIRE: readonly Row[] = [
  {
    from: 'stranger, before the handshake',
    limits: ['HALF_OPEN_MAX', 'HALF_OPEN_PER_ADDRESS_MAX', 'HANDSHAKE_MS_MAX'],
    tests: [
      [
        `${SDK}/platform/tcp.test.ts`,
        'so many strangers of one address may be in the handshake, and the next is cut at once',
        'a peer that says nothing is given up when its time is over, and not before',
        'bytes of another protocol are refused, and the listener goes on',
      ],
      [
        `${CORE}/wire/secret-stream.test.ts`,
        'a stranger that stops in the handshake is cut after HANDSHAKE_MS_MAX',
      ],
    ],
  },
  {
    from: 'stranger, handshake bytes',
    limits: ['HANDSHAKE_FRAME_BYTES_MAX'],
    tests: [
      [
        `${CORE}/wire/secret-stream.test.ts`,
        'before the handshake is done a frame of 96 bytes is looked at and one of 97 is refused',
        'a stranger whose key is no point, or of small order, is refused',
        'any bytes of a stranger end in a typed error or in waiting, and never in an answer that is not due',
      ],
    ],
  },
  {
    from: 'authenticated, frame',
    limits: ['FRAME_BYTES_MAX', 'UNREAD_BYTES_MAX'],
    tests: [
      [
        `${CORE}/wire/secret-stream.test.ts`,
        'a frame that claims sixteen megabytes makes us hold only what has arrived',
        'a message of the largest size goes through, one byte more is refused before anything is sent',
      ],
      [
        `${SDK}/network/swarm-transport.test.ts`,
        'a peer that sends into a pause what nobody asked for is cut off',
      ],
    ],
  },
  {
    from: 'authenticated, idle',
    limits: ['KEEP_ALIVE_MS', 'KEEP_ALIVE_MISSED_MAX'],
    tests: [
      [
        `${CORE}/wire/secret-stream.test.ts`,
        'a peer that has missed three signs of life is gone',
        'while we do not read, silence is no sign of death',
      ],
    ],
  },
  {
    from: 'multiplexer, open',
    limits: ['CHANNEL_PROTOCOL_BYTES_MAX', 'CHANNEL_ID_BYTES_MAX', 'CHANNEL_HANDSHAKE_BYTES_MAX'],
    tests: [[`${CORE}/wire/mux-limits.test.ts`, 'bytes is taken, and one of']],
  },
  {
    from: 'multiplexer, channels and openings a second',
    limits: [
      'CHANNELS_MAX',
      'CHANNEL_NUMBERS_MAX',
      'CHANNELS_UNPAIRED_MAX',
      'OPENINGS_LOST_MAX',
      'OPENINGS_LOST_PER_SECOND_MAX',
    ],
    tests: [
      [
        `${CORE}/wire/mux-limits.test.ts`,
        'channels; the next is refused and the connection stays',
        'are known, and one more ends the connection',
        'openings may wait for us, and the next is refused',
      ],
      [
        `${CORE}/threats/wire.test.ts`,
        'openings in vain are answered at once; of one more the rest has to wait',
        'openings that are closed again at once count as in vain',
        'a flood of openings in one frame is left in the middle, and read on later',
      ],
      [
        `${SDK}/network/protomux-limits.test.ts`,
        'openings in vain the rest has to wait',
        'channels that are open, one more of the remote',
        'openings may wait for us, and the next is refused until one is over',
      ],
    ],
  },
  {
    from: 'multiplexer, bytes before a channel is paired',
    limits: ['UNPAIRED_BYTES_MAX', 'UNPAIRED_MS_MAX'],
    tests: [
      [
        `${CORE}/wire/mux-limits.test.ts`,
        'bytes are kept for openings that wait; what goes beyond costs that opening',
        'bytes kept for openings are free again when they are taken, refused or closed',
      ],
      [
        `${CORE}/wire/mux.test.ts`,
        'an opening that a hook wants to think about is refused when it has waited too long',
      ],
    ],
  },
  {
    from: 'multiplexer, batch',
    limits: ['BATCH_MESSAGES_MAX'],
    tests: [
      [
        `${CORE}/wire/mux-limits.test.ts`,
        'messages is taken, and one more ends the connection',
        'any frames give messages or a typed error, and what is kept stays bounded',
      ],
    ],
  },
  {
    from: 'multiplexer, close and message for unknown ids',
    limits: ['STRAY_MESSAGES_PER_MINUTE_MAX'],
    tests: [
      [
        `${CORE}/threats/wire.test.ts`,
        'messages for nobody are ignored, and one more ends the connection',
        'messages for nobody that come slowly are ignored without end',
        'what was under way to a channel when we closed it counts for nothing, whatever it was before',
      ],
      [
        `${CORE}/wire/feed-hostile.test.ts`,
        'messages for nobody are ignored up to the limit, and one more ends the connection',
        'what an old peer had sent to a channel when we closed it counts for nothing',
      ],
      [
        `${SDK}/network/protomux-limits.test.ts`,
        'messages for nobody are ignored, and one more ends the connection',
        'messages for nobody are counted in batches too, and a batch in a batch ends the connection',
        'a channel closed by the remote is spoken on no more, and one that we have closed for a while',
      ],
      [
        `${SDK}/network/protomux-muxer.test.ts`,
        'whichever side has the package, what it has sent when we close a channel never ends the connection',
      ],
    ],
  },
]
