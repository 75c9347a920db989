/**
 * The rows of the threat model that concern the wires of generations 1 and 2, and the networks on which their programs are
 * found. See `rows.ts`.
 *
 * Owns: the table.
 */

import { CORE, type Row, SDK } from './rows.ts'

/** Section 5: what old programs and old networks send. */
export const OLD_WIRES: readonly Row[] = [
  {
    from: 'old wires: bytes before the first log is known',
    limits: ['FEED_FRAME_BYTES_MAX', 'LEGACY_IDLE_MS_MAX', 'LEGACY_ACCEPTED_MAX'],
    tests: [
      [
        `${CORE}/wire/feed-hostile.test.ts`,
        'whatever bytes come first, only our errors end the connection',
        'a frame is as long as the limit and not longer, and grows with its bytes',
        'logs that wait for our side are as many as the limit, the next is refused',
      ],
      [
        `${SDK}/platform/duplex-bytes.test.ts`,
        'strangers are as many as the limit, and make room when they are known or gone',
      ],
      [
        `${SDK}/network/legacy/calls.test.ts`,
        'a connection on which no log is spoken about is ended after a while',
        'others may dial us so often, and leave room for those whom we dial',
      ],
    ],
  },
  {
    from: 'old wires: compressed bitfield',
    limits: [],
    tests: [
      [
        `${CORE}/wire/rle.test.ts`,
        'a million equal bytes take a few bytes, one call and no room',
        'whatever bytes come, the work goes with their number, and only our errors come out',
      ],
      [
        `${CORE}/wire/feed-hostile.test.ts`,
        'a bitfield of a few bytes that speaks of everything is a few calls',
      ],
    ],
  },
  {
    from: 'old wires: have and unhave',
    limits: ['REMOTE_RANGES_MAX'],
    tests: [
      [
        `${CORE}/wire/feed-messages.test.ts`,
        'blocks that no log can have are refused',
        'whatever bytes come, a decoder ends with a message or with one of our two errors',
      ],
      [
        `${CORE}/replicator/availability.test.ts`,
        'a claim of 2^52 blocks costs no more than one of two',
      ],
    ],
  },
  {
    from: 'old wires: signature and data',
    limits: [],
    tests: [
      [
        `${CORE}/wire/feed-messages.test.ts`,
        'a list of names, a proof and a block are as large as their limits, and not larger',
      ],
      [
        `${CORE}/threats/old-wires.test.ts`,
        'whatever is said about a log, none of it is believed, and another one is served',
      ],
    ],
  },
  {
    from: 'old wires: protobuf fields',
    limits: [],
    tests: [
      [
        `${CORE}/bytes/protobuf.test.ts`,
        'a list is refused at one number more than allowed',
        'fields that nobody knows are stepped over, in each wire type',
        'no bytes make the reader fail in another way, or run past the message',
      ],
    ],
  },
  {
    from: 'old networks: answers of the DHT and of the local network',
    limits: [
      'LEGACY_ADDRESSES_PER_LOG_MAX',
      'LEGACY_ADDRESSES_MAX',
      'LEGACY_DIALS_MAX',
      'LEGACY_CONNECTIONS_MAX',
    ],
    tests: [
      [
        `${SDK}/network/legacy/mainline.test.ts`,
        'answers count only from the address that was asked',
        'of one answer so many peers and nodes count, and one look-up asks so many',
        'a DHT that makes up nodes without end is asked so many times',
      ],
      [
        `${SDK}/network/legacy/lan.test.ts`,
        'a stranger makes us answer so many times a second, and not more',
        'answers for logs that are not looked for, and what is no message, change nothing',
      ],
      [
        `${SDK}/network/legacy/bytes.test.ts`,
        'any bytes are a message of the DHT or none',
        'any bytes are a message of multicast DNS or none',
      ],
      [
        `${SDK}/network/legacy/dialler.test.ts`,
        'addresses are remembered up to a limit for a log and to one in all, those of the user beyond',
        'so many are dialled at a time, and no more than there may be connections',
      ],
    ],
  },
]
