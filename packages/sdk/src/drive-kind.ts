/**
 * Is what a link leads to a drive that this version reads?
 *
 * Owns: the look at block 0. Every format writes its name there, so a drive of another generation, a bee or a plain
 * log gets an error that says what it is, instead of one that says what it is not.
 */

import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { Fields } from '@dat-rhino/core/bytes/protobuf'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { Drive } from '@dat-rhino/core/drive/drive'
import type { WaitOptions } from '@dat-rhino/core/log/remote'

/** What stands in block 0, and what it is to a person. */
const FORMATS: Readonly<Record<string, string>> = {
  hyperdrive: 'a drive of generation 1 (dat, hyperdrive 9)',
  hypertrie: 'a drive of generation 2 (hyperdrive 10, Beaker)',
  'append-tree': 'a drive of generation 1 (dat)',
}
const OURS = 'hyperbee'

/** Waits for block 0, and throws `UNSUPPORTED` unless it begins a bee. */
export async function checkIsDrive(drive: Drive, options: WaitOptions): Promise<void> {
  checkFormat(await drive.log.get(0, options))
}

/** The same for what is stored already, before it is opened as a drive: opening reads it as one. */
export async function checkStoredIsDrive(
  corestore: Corestore,
  key: Uint8Array,
  encryption: { readonly encryptionKey?: Uint8Array } = {},
): Promise<void> {
  const log = await corestore.get({ key }, encryption)
  try {
    const block = log.peek(0)
    if (block !== undefined) checkFormat(block)
  } finally {
    await log.close()
  }
}

function checkFormat(block: Uint8Array): void {
  const name = formatName(block)
  if (name === OURS) return
  const known = name === undefined ? undefined : FORMATS[name]
  const what = known ?? (name === undefined ? 'a plain log, or encrypted' : `a log of "${name}"`)
  throw new DatError(
    'UNSUPPORTED',
    `The link leads to ${what}, not to a drive of today's network (generation 3).`,
    { format: name ?? '' },
  )
}

/** The text in the first field of a protobuf message, as all formats have it in their header. */
export function formatName(block: Uint8Array): string | undefined {
  try {
    const fields = new Fields(block)
    if (!fields.next() || fields.number !== 1) return undefined
    const name = fields.string()
    return /^[\w.-]{1,64}$/.test(name) ? name : undefined
  } catch (error) {
    if (isCode(error, 'BAD_FRAME')) return undefined
    throw error
  }
}
