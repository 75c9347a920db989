/**
 * Opens what lies in SLEEP files: single logs, and all the ways in which programs have put them together.
 *
 * Owns: which file is where in each layout, where a lost key can still be read, and where the secret keys are. A log
 * whose key is lost everywhere is told and left out: nothing of it could be proved. Sources: the generation 1 log,
 * section 6; corestore 5 and multifeed, sections 1 and 5.
 */

import { basename, dirname, join } from 'node:path'
import { isCode } from '@dat-rhino/core/base/errors'
import { STORED_RECORD_BYTES_MAX } from '@dat-rhino/core/base/limits'
import { equal, fromHex, fromUtf8Lossy, hex } from '@dat-rhino/core/bytes/bytes'
import { KEY_BYTES } from '@dat-rhino/core/crypto/crypto'
import { discoveryKey, SECRET_KEY_BYTES } from '@dat-rhino/core/crypto/keys'
import { BlockMap, MappedFile } from './block-map.ts'
import { DatContent } from './dat-content.ts'
import { archiveOf, headerOf, joinParts } from './formats.ts'
import { type OpenContext, type Opened, type PartNames, partOf } from './open-context.ts'
import { ProblemList } from './problems.ts'
import {
  contentSecretKey,
  corestore5Name,
  corestore5SecretKey,
  publicKeyOf,
  readPrimaryKey,
  readSecretKey,
  secretKeyPath,
} from './secrets.ts'
import { listed, logFolders } from './signs.ts'
import { SleepLog } from './sleep-log.ts'
import type { DataSource } from './stored-file.ts'
import type { Found, StoredArchive, StoredPart } from './types.ts'

/** One log's place: its folder, and how the names of its files begin. */
interface Place {
  readonly folder: string
  readonly prefix: string
}

/** What is known of a log beside its own files. */
interface Known extends PartNames {
  readonly generation: 1 | 2
  /** If its file is lost. */
  readonly key?: Uint8Array | undefined
  readonly secretKey?: Uint8Array | undefined
  /** Instead of a `data` file. */
  readonly data?: (problems: ProblemList) => DataSource
}

/** A single log. */
export function openFeed({ path }: Found, context: OpenContext): Opened {
  const part = openLog({ folder: path, prefix: '' }, { generation: 1 }, context)
  return {
    archives:
      part === undefined ? [] : [archiveOf(headerOf(part.log).format, part, undefined, false)],
  }
}

/** `metadata/` and `content/`. */
export function openArchive({ path }: Found, context: OpenContext): Opened {
  const metadata = { folder: join(path, 'metadata'), prefix: '' }
  const content = { folder: join(path, 'content'), prefix: '' }
  // Beaker names the folder by the key of the archive.
  const named = basename(dirname(path)) + basename(path)
  const key = /^[0-9a-f]{64}$/.test(named) ? fromHex(named) : undefined
  return openPair(metadata, content, { generation: 1, key }, context)
}

/** `metadata.*` and `content.*`, with the content's bytes in `content.data` or in the files around `.dat`. */
export function openDat({ kind, path }: Found, context: OpenContext): Opened {
  const folder = kind === 'dat-folder' ? join(path, '.dat') : path
  const metadata = { folder, prefix: 'metadata.' }
  const content = { folder, prefix: 'content.' }
  const data =
    kind === 'dat-folder'
      ? (log: SleepLog, problems: ProblemList) => new DatContent(path, log, context.pool, problems)
      : undefined
  return openPair(metadata, content, { generation: 1 }, context, data)
}

/** Folders `0`, `1`, …. */
export function openMultifeed({ path }: Found, context: OpenContext): Opened {
  const numbers = listed(path)
    .filter((name) => /^(0|[1-9]\d{0,6})$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
  const gap = numbers.find((number, i) => number !== i)
  if (gap !== undefined) {
    const message = `There is no folder before ${gap}: other programs do not see the logs from there on.`
    context.problems.add('missing', join(path, String(gap)), message)
  }
  const parts = numbers.map((number) => {
    const folder = join(path, String(number))
    const localname = context.pool.content(join(folder, 'localname'), 4_096, context.problems)
    const name = localname && fromUtf8Lossy(localname)
    return openLog({ folder, prefix: '' }, { generation: 2, name }, context)
  })
  return { archives: joinParts(parts.filter((part) => part !== undefined)) }
}

/** `ab/cd/abcd…` and `master_key`. */
export function openCorestore5({ path }: Found, context: OpenContext): Opened {
  const primaryKey = readPrimaryKey(join(path, 'master_key'), context.pool, context.problems)
  const parts = logFolders(path).map((folder) => openNamed(folder, primaryKey, context))
  return { archives: joinParts(parts.filter((part) => part !== undefined)), primaryKey }
}

/** A log of corestore 5, whose secret key follows from its name, if it has one. */
function openNamed(
  folder: string,
  masterKey: Uint8Array | undefined,
  context: OpenContext,
): StoredPart | undefined {
  const path = join(folder, 'name')
  const place = { folder, prefix: '' }
  const file = context.pool.content(path, 65_536, context.problems)
  const name = file && corestore5Name(file)
  if (file !== undefined && name === undefined) {
    context.problems.add(
      'damaged',
      path,
      'The name of the log is damaged; the log cannot be continued.',
    )
  }
  if (name === undefined) return openLog(place, { generation: 2 }, context)
  const text = isText(name) ? fromUtf8Lossy(name) : hex(name)
  const secretKey = masterKey && corestore5SecretKey(masterKey, name)
  const key = secretKey?.subarray(SECRET_KEY_BYTES - KEY_BYTES)
  const isRight = key !== undefined && hex(discoveryKey(key)) === basename(folder)
  if (!isRight && masterKey !== undefined) {
    const message = 'The name does not lead to the key of this log; the log cannot be continued.'
    context.problems.add('inconsistent', path, message)
  }
  const known = isRight ? { key, secretKey } : {}
  return openLog(place, { generation: 2, name: text, ...known }, context)
}

/** Names that corestore made at random are no text. */
function isText(name: Uint8Array): boolean {
  return (
    name.every((byte) => byte >= 0x20 && byte !== 0x7f) && !fromUtf8Lossy(name).includes('\ufffd')
  )
}

// ---- Metadata and content ------------------------------------------------------------------------

function openPair(
  metadataAt: Place,
  contentAt: Place,
  known: Known,
  context: OpenContext,
  contentData?: (metadata: SleepLog, problems: ProblemList) => DataSource,
): Opened {
  const metadata = openLog(metadataAt, known, context)
  if (metadata === undefined || !(metadata.log instanceof SleepLog)) {
    const alone = openLog(contentAt, { generation: 1 }, context)
    return { archives: alone === undefined ? [] : [archiveOf('log', alone, undefined, false)] }
  }
  const { log } = metadata
  const header = headerOf(log)
  const secretKey = log.secretKey && contentSecretKey(log.secretKey)
  const key = header.contentKey
  const data = contentData && ((problems: ProblemList) => contentData(log, problems))
  const content = openLog(
    contentAt,
    { generation: 1, key, secretKey, ...(data && { data }) },
    context,
  )
  if (content !== undefined && key !== undefined && !equal(key, content.log.key)) {
    const message = 'The content is of another archive than the metadata.'
    context.problems.add('inconsistent', contentAt.folder, message)
  }
  const isOwners = listed(metadataAt.folder).includes('metadata.ogd')
  const archive: StoredArchive = archiveOf(header.format, metadata, content, isOwners)
  return { archives: [archive] }
}

// ---- One log -------------------------------------------------------------------------------------

function openLog(place: Place, known: Known, context: OpenContext): StoredPart | undefined {
  const { pool } = context
  const problems = new ProblemList()
  const at = (name: string): string => join(place.folder, place.prefix + name)
  const key = readKey(at, known, context)
  if (key === undefined) return undefined
  const file = (name: string): DataSource | undefined => openData(at(name), context, problems)
  const files = {
    path: place.folder,
    tree: pool.file(at('tree'), problems),
    bitfield: pool.file(at('bitfield'), problems),
    signatures: file('signatures'),
    data: known.data?.(problems) ?? file('data'),
  }
  const identity = {
    key,
    secretKey: findSecretKey(at('secret_key'), key, known, context, problems),
    generation: known.generation,
    isLive: known.data !== undefined,
  }
  const log = new SleepLog(files, identity, problems)
  // A log alone does not say which network it is of; a trie is of generation 2.
  const isOfSecond = log.generation === 1 && headerOf(log).format === 'hypertrie'
  const right = isOfSecond ? new SleepLog(files, { ...identity, generation: 2 }, problems) : log
  return partOf(right, place.folder, problems, known)
}

/** From its file; else from what else is known: its folder's name, the metadata, or a secret key beside it. */
function readKey(
  at: (name: string) => string,
  known: Known,
  context: OpenContext,
): Uint8Array | undefined {
  const { pool, problems } = context
  const path = at('key')
  const stored = pool.content(path, 4_096, problems)
  if (stored?.length === KEY_BYTES) return stored
  const secretKey = pool.content(at('secret_key'), SECRET_KEY_BYTES, problems)
  const other = known.key ?? (secretKey && publicKeyOf(secretKey))
  const kind = stored === undefined ? 'missing' : 'damaged'
  const message =
    other === undefined
      ? 'Without the key of the log nothing in it can be proved; it is left out.'
      : 'The key of the log was found elsewhere.'
  problems.add(kind, path, message)
  return other
}

function findSecretKey(
  path: string,
  key: Uint8Array,
  known: Known,
  context: OpenContext,
  problems: ProblemList,
): Uint8Array | undefined {
  if (known.secretKey !== undefined) {
    const publicKey = known.secretKey.subarray(SECRET_KEY_BYTES - KEY_BYTES)
    if (equal(publicKey, key)) return known.secretKey
  }
  const elsewhere = secretKeyPath(context.secretKeys, discoveryKey(key))
  return (
    readSecretKey(path, key, context.pool, problems) ??
    readSecretKey(elsewhere, key, context.pool, problems)
  )
}

/** A file that may have been written in pieces. */
function openData(
  path: string,
  { pool }: OpenContext,
  problems: ProblemList,
): DataSource | undefined {
  const file = pool.file(path, problems)
  const index = pool.content(`${path}.index`, STORED_RECORD_BYTES_MAX, problems)
  if (file === undefined || index === undefined) return file
  try {
    return new MappedFile(file, new BlockMap(index))
  } catch (error) {
    if (!isCode(error, 'CORRUPT_STORE')) throw error
    problems.add('damaged', `${path}.index`, error.message)
    return undefined
  }
}
