/**
 * The rows of the threat model that concern one log on one connection. See `rows.ts`.
 *
 * Owns: the table.
 */

import { CORE, type Row } from './rows.ts'

/** Section 5: one log on one connection. */
export const LOGS: readonly Row[] = [
  {
    from: 'capability',
    limits: ['REST_MS_MIN', 'RESTS_MAX'],
    tests: [
      [
        `${CORE}/wire/gen3.test.ts`,
        'a log that is not here and a key that is not known are refused with the same bytes',
        'messages that come before the capability was right are not heard',
        'our own capability, reflected, proves nothing',
      ],
      [
        `${CORE}/threats/isolation.test.ts`,
        'a wrong capability for one log closes that channel, and is asked for less and less often',
        'who does not know the key of a log opens no channel about it, and every other one',
      ],
      [
        `${CORE}/corestore/policy.test.ts`,
        'a log that is not offered is refused with the bytes with which a missing one is',
      ],
    ],
  },
  {
    from: 'status',
    limits: ['STATUSES_PER_SECOND_MAX'],
    tests: [
      [
        `${CORE}/threats/wire.test.ts`,
        'statuses a second are answered, each of them',
        'of more, the newest is answered when the second is over',
      ],
      [
        `${CORE}/replicator/hostile.test.ts`,
        'claims of 2^50 blocks do not keep the log from an honest peer',
      ],
    ],
  },
  {
    from: 'fork claim',
    limits: ['REORG_PROOFS_MAX', 'REORG_MS_MAX'],
    tests: [
      [
        `${CORE}/replicator/hostile.test.ts`,
        'a fork that cannot be proved is looked into for a while, and does not stop the download',
      ],
      [
        `${CORE}/replicator/forks.test.ts`,
        'the highest fork that can be proved wins over those that cannot',
      ],
    ],
  },
  {
    from: 'range, bitfield, unhave',
    limits: ['REMOTE_RANGES_MAX', 'REMOTE_PAGES_MAX', 'BITFIELD_BYTES_MAX'],
    tests: [
      [
        `${CORE}/replicator/availability.test.ts`,
        'a claim of 2^52 blocks costs no more than one of two',
        'scattered claims beyond the limit push out others, and that is remembered',
        'whole pages far apart are bounded too',
        'bits at or above the length that the remote tells are not kept',
      ],
      [
        `${CORE}/wire/gen3-limits.test.ts`,
        'a claimed length or count costs nothing when the bytes are not there',
      ],
    ],
  },
  {
    from: 'want',
    limits: [
      'WANT_BLOCKS_MAX',
      'WANTS_PER_CHANNEL_MAX',
      'ANY_WANTS_PER_CHANNEL_MAX',
      'WANTS_QUEUED_MAX',
    ],
    tests: [
      [
        `${CORE}/replicator/hostile.test.ts`,
        'wants without end are answered as room allows, and one at a time',
        'a want of every shape is answered with the truth',
      ],
      [
        `${CORE}/base/turns.test.ts`,
        'a remote that asks in unusual shapes, or too often, hears of everything',
      ],
    ],
  },
  {
    from: 'request',
    limits: ['REQUESTS_QUEUED_MAX', 'CONNECTION_REQUESTS_MAX'],
    tests: [
      [
        `${CORE}/replicator/hostile.test.ts`,
        'requests beyond the queue are refused as invalid, those in it are answered',
      ],
    ],
  },
  {
    from: 'request that can not be met',
    limits: ['REQUESTS_INVALID_MAX'],
    tests: [
      [
        `${CORE}/replicator/hostile.test.ts`,
        'requests that make no sense are refused later and later, and in the end not heard',
        'what is not here, or of another fork, is refused at once as unavailable',
      ],
      [
        `${CORE}/threats/isolation.test.ts`,
        'a flood on one log ends its channel, which rests longer each time; the others go on',
      ],
    ],
  },
  {
    from: 'what a reader of an old log says that he holds',
    limits: ['READER_NODES_MAX'],
    tests: [
      [
        `${CORE}/tree/digest.test.ts`,
        'what is remembered of a reader is bounded, and forgetting it costs nodes but no answer',
      ],
    ],
  },
  {
    from: 'old files that are taken over',
    limits: ['ADOPT_DAMAGED_MAX', 'ADOPT_SLICE_BYTES'],
    tests: [
      [
        `${CORE}/log/adopt.test.ts`,
        'whatever is damaged, exactly what can be proved is taken',
        'the report names as many damaged blocks as its limit, and counts all',
        'an adoption is aborted between two slices, and goes on later',
      ],
    ],
  },
  {
    from: 'answers that we send',
    limits: ['REQUESTS_QUEUED_MAX'],
    tests: [
      [
        `${CORE}/replicator/hostile.test.ts`,
        'a peer that reads nothing costs a queue of numbers, not of blocks',
      ],
    ],
  },
  {
    from: 'data',
    limits: [
      'BLOCK_BYTES_MAX',
      'NODES_PER_LIST_MAX',
      'SIGNATURE_BYTES_MAX',
      'MANIFEST_BYTES_MAX',
      'MANIFEST_SIGNERS_MAX',
      'PROOFS_WRONG_MAX',
      'DISTRUST_MS',
      'DISTRUSTED_MAX',
    ],
    tests: [
      [`${CORE}/wire/gen3-limits.test.ts`, 'is taken, and of'],
      [
        `${CORE}/replicator/hostile.test.ts`,
        'answers that nobody asked for change nothing',
        'a peer that lies too often is left, and not asked for that log when it comes back',
        'a liar that is the only peer is not asked in a loop',
      ],
      [
        `${CORE}/threats/isolation.test.ts`,
        'forged blocks of one log cost that channel; the truth comes from another peer, and the liar is named',
        'a bad signature on one log costs that log nothing but the peer',
      ],
      [
        `${CORE}/log/proofs.test.ts`,
        'each of the 37 corrupted answers is refused and leaves the reader as it was',
      ],
    ],
  },
  {
    from: 'no data, and no answer',
    limits: ['REFUSALS_MAX', 'ANSWER_MS_MIN', 'UNANSWERED_MAX'],
    tests: [
      [
        `${CORE}/replicator/hostile.test.ts`,
        'a peer that refuses everything is asked less and less often',
      ],
      [
        `${CORE}/replicator/peers.test.ts`,
        'a block that one peer withholds comes from another, and the one is asked last from then on',
        'an upgrade that one peer withholds comes from another',
      ],
      [
        `${CORE}/threats/isolation.test.ts`,
        'with nobody but a liar every wait ends, with its reason',
      ],
    ],
  },
  {
    from: 'extension message',
    limits: [
      'EXTENSION_NAME_BYTES_MAX',
      'EXTENSION_BYTES_MAX',
      'EXTENSIONS_QUEUED_MAX',
      'EXTENSION_BYTES_QUEUED_MAX',
    ],
    tests: [
      [
        `${CORE}/corestore/extensions.test.ts`,
        'names and messages have a largest size',
        'messages of a peer are handled one after the other',
        'a flood on one log ends that conversation, and no other',
      ],
    ],
  },
  {
    from: 'manifest given by the application with a key',
    limits: [],
    tests: [
      [`${CORE}/log/manifest.test.ts`, 'a manifest that does not hash to the key is refused'],
    ],
  },
  {
    from: 'the same key wrote two histories',
    limits: [],
    tests: [
      [
        `${CORE}/replicator/forks.test.ts`,
        'two histories under one key are noticed by all who see both, kept apart, and end the conversation',
      ],
      [
        `${CORE}/log/forks.test.ts`,
        'two signed histories of one length are a conflict, which freezes the log for good',
      ],
    ],
  },
  {
    from: 'an error that nobody foresaw, in one conversation',
    limits: [],
    tests: [
      [
        `${CORE}/replicator/hostile.test.ts`,
        'a mistake of ours in answering ends that conversation and no other',
        'a mistake of ours in asking ends the conversations about that log, and leaves nothing reserved',
      ],
      [
        `${CORE}/threats/isolation.test.ts`,
        'an undecodable message on one log is the frame itself being broken: that ends the connection, and rests',
      ],
    ],
  },
]
