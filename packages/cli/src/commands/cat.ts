/**
 * `dat cat LINK|DIR [PATH]`: one file, verified, to standard output.
 *
 * Owns: the way of the bytes. Into a file or a pipe they go as they are. On a terminal they are text, with control
 * characters escaped: a stranger's file must not drive it. With `--json` they are `data` events, then `end`.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { printableText, bytes as size } from '../format.ts'
import type { Session } from '../session.ts'
import { type ReadFlags, withDrive } from './open-drive.ts'

export async function cat(
  session: Session,
  where: string,
  path: string | undefined,
  flags: ReadFlags,
): Promise<void> {
  const { output } = session
  const isTerminal = process.stdout.isTTY === true
  const text = new TextDecoder()
  await withDrive(session, where, path, flags, async ({ drive, path: file, wait }) => {
    if (file === '/') {
      const message = 'Which file? Give its path behind the link, or as the second argument.'
      throw new DatError('BAD_ARGUMENT', message)
    }
    let total = 0
    for await (const chunk of drive.read(file, wait)) {
      total += chunk.length
      if (output.json) output.result('data', { base64: Buffer.from(chunk).toString('base64') })
      else if (isTerminal) await output.bytes(shown(text.decode(chunk, { stream: true })))
      else {
        await output.bytes(chunk)
        output.progress({}, `${size(total)} of ${file}`)
      }
      session.signal.throwIfAborted()
    }
    if (isTerminal && !output.json) await output.bytes(shown(text.decode()))
    output.result('end', { path: file, bytes: total })
  })
}

function shown(text: string): Uint8Array {
  return Buffer.from(printableText(text))
}
