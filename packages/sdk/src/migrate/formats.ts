/**
 * What block 0 of a stored log says: which kind of thing it is, and which other log belongs to it.
 *
 *     hyperdrive 9    1 "hyperdrive"   2 content key
 *     hyperdrive 10   1 "hypertrie"    2 content key   3 "hyperdrive"
 *     hyperdrive 13   1 "hyperbee"     2 { 1 content key }, or the content key follows from the manifest
 *
 * Owns: reading it, and joining logs to archives. Nothing is verified: a content log joined wrongly is shown wrongly, and
 * its own key still says what it is.
 */

import { isCode } from '@dat-rhino/core/base/errors'
import { copy, fromUtf8, hex } from '@dat-rhino/core/bytes/bytes'
import { Fields } from '@dat-rhino/core/bytes/protobuf'
import { KEY_BYTES } from '@dat-rhino/core/crypto/crypto'
import { contentManifest } from '@dat-rhino/core/drive/keys'
import { decodeManifest } from '@dat-rhino/core/log/manifest'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import type { StoredArchive, StoredFormat, StoredPart } from './types.ts'

const FORMATS: ReadonlySet<string> = new Set(['hyperdrive', 'hypertrie', 'hyperbee', 'append-tree'])

/** What a header says. */
export interface StoredHeader {
  readonly format: StoredFormat
  readonly contentKey: Uint8Array | undefined
}

/** Block 0 as a header; `log` for anything else. */
export function readHeaderBlock(block: Uint8Array | undefined): StoredHeader {
  const none: StoredHeader = { format: 'log', contentKey: undefined }
  if (block === undefined) return none
  try {
    let format: StoredFormat | undefined
    let value: Uint8Array | undefined
    const fields = new Fields(block)
    while (fields.next()) {
      if (fields.number === 1) format = formatOf(fields.bytes())
      else if (fields.number === 2) value = fields.bytes()
    }
    if (format === undefined) return none
    const key = value && format === 'hyperbee' ? firstField(value) : value
    return { format, contentKey: key?.length === KEY_BYTES ? copy(key) : undefined }
  } catch (error) {
    if (isCode(error, 'BAD_FRAME')) return none
    throw error
  }
}

/** The header of a stored log. */
export function headerOf(log: StoredLog): StoredHeader {
  const header = readHeaderBlock(log.has(0) ? log.block(0) : undefined)
  return header.contentKey === undefined ? { ...header, contentKey: derived(log) } : header
}

/** Joins metadata and content logs; all others are archives of their own. In the order of `parts`. */
export function joinParts(parts: readonly StoredPart[]): StoredArchive[] {
  const byKey = new Map(parts.map((part) => [hex(part.log.key), part]))
  const headers = new Map(parts.map((part) => [part, headerOf(part.log)]))
  const contents = new Map<StoredPart, StoredPart>()
  for (const [part, { contentKey }] of headers) {
    const content = contentKey && byKey.get(hex(contentKey))
    if (content !== undefined && content !== part) contents.set(part, content)
  }
  const taken = new Set(contents.values())
  return parts
    .filter((part) => !taken.has(part))
    .map((part) => {
      const content = contents.get(part)
      const format = headers.get(part)?.format ?? 'log'
      return archiveOf(format, part, content, false)
    })
}

/** An archive of a log, and of its content, if it has one. */
export function archiveOf(
  format: StoredFormat,
  part: StoredPart,
  content: StoredPart | undefined,
  isOwners: boolean,
): StoredArchive {
  const parts: StoredPart[] =
    content === undefined
      ? [{ ...part }]
      : [
          { ...part, role: 'metadata' },
          { ...content, role: 'content' },
        ]
  return { key: part.log.key, format, isOwners, parts }
}

function formatOf(name: Uint8Array): StoredFormat | undefined {
  const text = name.length <= 16 ? fromUtf8(name) : ''
  return FORMATS.has(text) ? (text as StoredFormat) : undefined
}

function firstField(bytes: Uint8Array): Uint8Array | undefined {
  const fields = new Fields(bytes)
  while (fields.next()) if (fields.number === 1) return fields.bytes()
  return undefined
}

/** The content key of a drive of today follows from its manifest, whether block 0 can be read or not. */
function derived({ key, manifest }: StoredLog): Uint8Array | undefined {
  if (manifest === undefined) return undefined
  try {
    return contentManifest(key, decodeManifest(manifest))?.key
  } catch {
    return undefined
  }
}
