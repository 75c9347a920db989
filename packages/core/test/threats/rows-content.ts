/**
 * The rows of the threat model that concern what is signed and may still be anything: nodes of indexes, rows of drives, their
 * names. See `rows.ts`.
 *
 * Owns: the table.
 */

import { CORE, type Row, SDK } from './rows.ts'

/** Sections 5 and 7: what the owner of a log writes in it. */
export const CONTENT: readonly Row[] = [
  {
    from: 'bee node',
    limits: ['BEE_KEYS_PER_NODE_MAX', 'BEE_LEVELS_PER_BLOCK_MAX', 'BEE_KEY_BYTES_MAX'],
    tests: [
      [
        `${CORE}/index/bee-hostile.test.ts`,
        'a node that is its own child is refused',
        'a tree may be as deep as the limit, and no deeper',
        'a tree that holds one subtree many times ends at the first key that comes twice',
        'references forward, to the header, and to nodes that are not there are refused',
        'a bee with any bytes changed gives entries or an error, in bounded time',
      ],
    ],
  },
  {
    from: 'bee value, drive entry',
    limits: [],
    tests: [
      [
        `${CORE}/drive/rows.test.ts`,
        'the numbers of a blob must be those of some blob',
        'a row may be as large and as deep as the limits, and no more',
        'unknown members survive being copied, and do nothing else',
        'any bytes are a row or an invalid one',
      ],
      [
        `${CORE}/drive/old-hostile.test.ts`,
        'rows with numbers that no file has are listed as invalid',
        'any bytes make an entry or say why not, and never throw',
      ],
    ],
  },
  {
    from: 'symlinks inside a drive',
    limits: ['SYMLINK_STEPS_MAX', 'LINKNAME_BYTES_MAX'],
    tests: [
      [
        `${CORE}/drive/drive-changes.test.ts`,
        'links that lead nowhere, out of the drive or in circles are no files',
      ],
      [`${CORE}/drive/rows.test.ts`, 'a link may be as long as the limit, and no longer'],
      [
        `${CORE}/drive/old-hostile.test.ts`,
        'links in circles end, and links out of the drive are no files',
      ],
    ],
  },
  {
    from: 'trie and append-tree nodes',
    limits: ['TRIE_KEY_BYTES_MAX', 'TRIE_COMPONENTS_MAX'],
    tests: [
      [
        `${CORE}/index/trie-hostile.test.ts`,
        'a node that refers to itself, to a later one or to the header is damage',
        'a place that is led to twice is damage, so that no walk doubles at each step',
        'a trie with bytes changed anywhere is read to its end or to the damage, at the cost of its blocks',
      ],
      [
        `${CORE}/index/append-tree.test.ts`,
        'a block that refers to itself, to a later one or to the header is damage',
        'a tree with bytes changed anywhere is read to its end or to the damage, at the cost of its blocks',
      ],
    ],
  },
  {
    from: 'drives that are mounted in drives',
    limits: ['MOUNT_DEPTH_MAX', 'MOUNTED_DRIVES_MAX', 'MOUNTS_PER_LISTING_MAX'],
    tests: [
      [
        `${CORE}/drive/old-hostile.test.ts`,
        'a mount that can not be entered is told, and does not spoil the listing',
      ],
      [`${CORE}/drive/mount-changes.test.ts`, 'a watcher says that it can’t watch so many drives'],
    ],
  },
  {
    from: 'names that become paths of a file system',
    limits: [],
    tests: [
      [
        `${CORE}/drive/paths.test.ts`,
        'names that leave their folder, or that no file system holds, are refused',
        'whatever passes stays below the folder that it is joined to',
      ],
      [
        `${SDK}/files/hostile.test.ts`,
        'no name leads out of the folder, or to a name that no disk holds',
        'nothing is written through a link that the drive brought',
        'no link leads out, directly or by stepping back out of another one',
      ],
    ],
  },
  {
    from: 'text of others on the terminal',
    limits: [],
    tests: [
      [
        'packages/cli/test/format.test.ts',
        'whatever the text, what is printed of it is one line without control characters',
      ],
      ['packages/cli/test/output.test.ts', 'a name cannot end its line or drive the terminal'],
    ],
  },
]
