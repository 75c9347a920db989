/**
 * One hyperdrive 10 in a store: its trie of rows, and the log of its files' bytes.
 *
 * Owns: the handles on both, and how bytes get into the second. These statements always hold:
 *
 * - The header of the trie says which the content log is; of a drive of ours that is empty it is made with it.
 * - A file is a run of blocks without a gap: whoever writes holds the lock from its first block to its last. Blocks are as
 *   the writer gave them, cut at `CONTENT_BLOCK_BYTES`; an empty file is one empty block, as hyperdrive writes it.
 *
 * Source: generation 2 drives, sections 1, 5 and 6.
 */

import { DatError } from '../base/errors.ts'
import { Mutex } from '../base/mutex.ts'
import { EMPTY, hex } from '../bytes/bytes.ts'
import { KEY_BYTES, type KeyPair } from '../crypto/crypto.ts'
import { Trie } from '../index/trie/trie.ts'
import type { Log } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Blobs } from './blobs.ts'
import { Content, unknownContent } from './content.ts'
import type { LogProvider } from './types.ts'

/** Largest block that hyperdrive writes. */
const CONTENT_BLOCK_BYTES = 524_288
/** One append, about. */
const APPEND_BYTES = 4 * 1024 * 1024

/** Where a file's bytes went. */
export interface Written {
  readonly offset: number
  readonly byteOffset: number
  readonly blocks: number
  readonly size: number
}

/** How the logs are opened. */
export interface TrieFilesOptions {
  readonly readOnly?: boolean | undefined
  /** Of the content log of a drive that is new. Default: derived from the drive's key. */
  readonly contentKeyPair?: KeyPair | undefined
}

/** Rows and bytes of one drive. */
export class TrieFiles {
  readonly log: Log
  readonly trie: Trie
  readonly #content: Content
  readonly #lock = new Mutex()

  private constructor(store: LogProvider, log: Log, trie: Trie, content?: Log) {
    this.log = log
    this.trie = trie
    this.#content = new Content(async (options) => {
      const key = (await trie.header(options))?.metadata
      if (key?.length !== KEY_BYTES) throw unknownContent(trie.version)
      return store.get({ key, generation: log.generation.id })
    }, content)
  }

  /** @param log of rows; closed with this */
  static async open(
    store: LogProvider,
    log: Log,
    options: TrieFilesOptions = {},
  ): Promise<TrieFiles> {
    const { readOnly = false, contentKeyPair } = options
    if (log.length > 0 || !log.writable) {
      return new TrieFiles(store, log, Trie.open(log, { readOnly }))
    }
    const keyPair = contentKeyPair ?? store.keyPair(`${hex(log.key)}-content`)
    const content = await store.get({ keyPair, generation: log.generation.id })
    const header = { metadata: content.key, subtype: 'hyperdrive' }
    return new TrieFiles(store, log, Trie.open(log, { readOnly, header }), content)
  }

  /** Once it is known which log has the bytes. */
  get contentLog(): Log | undefined {
    return this.#content.log
  }

  /** Waits until it is known which log has the bytes, and opens it. */
  content(options: WaitOptions): Promise<Blobs> {
    return this.#content.open(options)
  }

  /** Appends the bytes of one file. Chunks are not copied before they are appended. */
  async write(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<Written> {
    const { log } = await this.content({})
    const release = await this.#lock.acquire()
    try {
      const { length: offset, byteLength: byteOffset } = log
      let blocks = offset
      const append = async (batch: readonly Uint8Array[]): Promise<void> => {
        // The lock is ours, the log may not be: another handle that wrote in between would tear the file.
        if (log.length !== blocks) {
          throw new DatError('CONFLICT', 'The content log was written from elsewhere meanwhile.')
        }
        await log.append(batch)
        blocks += batch.length
      }
      if (content instanceof Uint8Array) await append(wholeBlocks(content))
      else await appendStream(content, append)
      return { offset, byteOffset, blocks: blocks - offset, size: log.byteLength - byteOffset }
    } finally {
      release()
    }
  }

  async close(): Promise<void> {
    await this.trie.close()
    await this.#content.close()
  }
}

function wholeBlocks(content: Uint8Array): Uint8Array[] {
  if (content.length === 0) return [EMPTY]
  const blocks: Uint8Array[] = []
  for (let at = 0; at < content.length; at += CONTENT_BLOCK_BYTES) {
    blocks.push(content.subarray(at, at + CONTENT_BLOCK_BYTES))
  }
  return blocks
}

async function appendStream(
  content: AsyncIterable<Uint8Array>,
  append: (batch: readonly Uint8Array[]) => Promise<void>,
): Promise<void> {
  let waiting: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of content) {
    if (chunk.length === 0) continue
    waiting.push(...wholeBlocks(chunk))
    bytes += chunk.length
    if (bytes < APPEND_BYTES) continue
    await append(waiting)
    waiting = []
    bytes = 0
  }
  if (waiting.length > 0) await append(waiting)
}
