/**
 * The rows of the threat model that concern what lies on a disk. See `rows.ts`.
 *
 * Owns: the table.
 */

import { CORE, type Row, SDK } from './rows.ts'

/** Section 6: faults of storage. */
export const STORE: readonly Row[] = [
  {
    from: 'kill -9 at any moment',
    limits: [],
    tests: [
      [
        `${CORE}/store/crash.test.ts`,
        'a process that dies at any byte of any write leaves what was acknowledged, or one commit more',
      ],
      [`interop/test/kill.test.ts`, 'a killed writer loses nothing that was acknowledged'],
    ],
  },
  {
    from: 'power cut: unsynced writes lost, torn, in any order',
    limits: [],
    tests: [
      [
        `${CORE}/store/crash.test.ts`,
        'a power cut at any place of any history leaves a true earlier state',
        'in mode strict, a power cut leaves every acknowledged commit',
        'keys are on the disk before the call that makes them returns, in every mode',
      ],
    ],
  },
  {
    from: 'power cut after a peer has received blocks',
    limits: [],
    tests: [
      [
        `${CORE}/sim/power.test.ts`,
        'whatever the power takes, nobody was shown more than comes back',
      ],
      [
        `${CORE}/log/on-disk.test.ts`,
        'after any power cut a writer stands by every head that it has shown',
      ],
    ],
  },
  {
    from: 'disk full',
    limits: ['KEEP_FREE_BYTES', 'ROOM_MEASURE_BYTES'],
    tests: [
      [
        `${CORE}/store/faults.test.ts`,
        'a commit that finds no room changes nothing, whatever was staged, and the next one works',
        'on a disk that fills up at any byte goes on when there is room',
      ],
      [
        `${CORE}/replicator/announce.test.ts`,
        'a disk that is full stops the download, tells so, and lets it go on when there is room',
      ],
      [
        `${CORE}/store/room.test.ts`,
        'a block that ends at the quota is taken, and one byte more is refused before anything is staged',
        'bytes of the disk that are to stay free stay free, 64 MiB unless told, and none with 0',
        'a full store is read, changed, emptied and filled again',
      ],
      [
        `${CORE}/replicator/full.test.ts`,
        'a full store stops the download, tells so once, and nothing more is asked for',
        'with a full store, who waits for a block is told, and what is here is read and served',
        'when there is room again the download goes on by itself, and a block can be had at once',
        'on a disk that is full, who waits for a block or a download is told what, of which log, and what to do',
        'while the disk is full one frame is tried now and then, and the event tells once',
        'a disk that is full ends no connection, other logs go on, and so does this one when there is room',
      ],
    ],
  },
  {
    from: 'error on write or sync',
    limits: [],
    tests: [
      [
        `${CORE}/store/faults.test.ts`,
        'after a sync that failed nothing is written, and opening again tells the truth',
        'after a write that failed nothing is written, and opening again tells the truth',
      ],
    ],
  },
  {
    from: 'error on read',
    limits: [],
    tests: [[`${CORE}/store/faults.test.ts`, 'a read that fails fails alone']],
  },
  {
    from: 'a flipped bit, a file cut short or missing',
    limits: ['RECORD_BYTES_MAX'],
    tests: [
      [
        `${CORE}/store/damage.test.ts`,
        'is harmless or detected',
        'an error names the log, the block and the file',
      ],
    ],
  },
  {
    from: 'damage in the journal',
    limits: [],
    tests: [
      [
        `${CORE}/store/damage.test.ts`,
        'a bad record with synced ones behind it makes the store read-only until the user says recover',
      ],
    ],
  },
  {
    from: 'two processes open one store, or one process twice',
    limits: [],
    tests: [
      [
        `${SDK}/platform/disk.test.ts`,
        'while another process writes, its store is locked and can be read; when it is killed, nothing acknowledged is lost',
        'a store is not opened twice in one process, and its lock is free when it is closed',
      ],
    ],
  },
  {
    from: 'read-only folder or medium',
    limits: [],
    tests: [
      [
        `${SDK}/platform/disk.test.ts`,
        'a reader changes nothing, not even the lock',
        'what is not there, or no folder, or not writable, is a clear error',
      ],
    ],
  },
  {
    from: 'store copied, restored, synced by another tool',
    limits: [],
    tests: [
      [
        `${CORE}/store/damage.test.ts`,
        'a copied directory is read-only until the user says recover; the original is not',
      ],
      [
        `${SDK}/platform/disk.test.ts`,
        'a copied folder is read-only; a moved one, and one whose times changed, is not',
      ],
    ],
  },
  {
    from: 'the clock of the machine jumps',
    limits: [],
    tests: [
      [
        `${CORE}/threats/clock.test.ts`,
        'ten years back and fifty forth: logs are written, synced, claimed and stored as ever',
      ],
    ],
  },
  {
    from: 'file handles run out',
    limits: ['OPEN_FILES_MAX'],
    tests: [
      [
        `${SDK}/platform/handles.test.ts`,
        'a store without file handles fails with a typed error, and is whole when there are some again',
      ],
    ],
  },
  {
    from: 'encrypted log after a lost tail',
    limits: [],
    tests: [
      [
        `${CORE}/log/cipher.test.ts`,
        'the same text at the same place never has the same head twice',
        'equal texts at one place are encrypted in different ways',
      ],
    ],
  },
  {
    from: 'a store with very many files or pages',
    limits: ['OPEN_FILES_MAX', 'PAGE_CACHE_BYTES'],
    tests: [
      [
        `${CORE}/store/engine-reading.test.ts`,
        'however many files a store has, few are open',
        'memory for pages is bounded: what was thrown out is read again',
      ],
    ],
  },
]
