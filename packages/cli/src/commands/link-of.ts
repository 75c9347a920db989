/**
 * What the first argument of a command is: a link, or a place on this machine.
 *
 * Owns: that decision. A text that reads as a link is one; `./NAME` is a place whatever its name.
 */

import { existsSync } from 'node:fs'
import { isCode } from '@dat-rhino/core/base/errors'
import { type Link, parseLink } from '@dat-rhino/core/crypto/links'

/**
 * The link that `where` is; `undefined` if it is a place on this machine, or may be meant as one.
 *
 * @throws DatError BAD_LINK for what is meant as a link and is none
 */
export function linkOf(where: string): Link | undefined {
  try {
    return parseLink(where)
  } catch (error) {
    const isMeantAsLink =
      where.includes('://') || (/^[\w-]{40,}$/.test(where) && !existsSync(where))
    if (isMeantAsLink || !isCode(error, 'BAD_LINK')) throw error
    return undefined
  }
}
