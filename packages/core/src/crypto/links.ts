/**
 * Links and keys as people write them, in every form that the field has used.
 *
 *     link    := [scheme "://"] key ["+" version] ["/" path] ["?" …] ["#" …]
 *     scheme  := "dat" | "hyper" | "pear"            any case
 *     key     := 64 hex digits, any case | 52 characters of z-base-32, lower case
 *     version := a number | "latest"
 *
 * An http(s) address of a registry or gateway page with a key as one part of its path is read too.
 *
 * Owns: that grammar. The path is percent-decoded once. What cannot be read throws `BAD_LINK` with a
 * sentence for the person who typed it. The key says nothing about the generation of what it names.
 */

import { DatError } from '../base/errors.ts'
import { fromHex } from '../bytes/bytes.ts'
import { KEY_BYTES } from './crypto.ts'
import { fromZ32, z32 } from './z32.ts'

/** What a link says. */
export interface Link {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** Without one, the newest. */
  readonly version: number | undefined
  /** Starts with a slash; decoded. `undefined` if the link ends with the key. */
  readonly path: string | undefined
}

const HEX_KEY = /^[0-9a-f]{64}$/i
const Z32_CHARACTERS = 52
const SCHEMES: readonly string[] = ['dat', 'hyper', 'pear']

/** Reads a link or a bare key. */
export function parseLink(text: string): Link {
  // A caller without types may hand over anything, most likely the bytes of a key or options.
  if (typeof text !== 'string') throw bad('A link is text: hyper://…, dat://…, or a key.')
  const trimmed = text.trim()
  if (trimmed === '') throw bad('The link is empty.')
  const { scheme, rest } = splitScheme(trimmed)
  if (scheme === 'http' || scheme === 'https') return parseWebAddress(rest)
  if (scheme !== undefined && !SCHEMES.includes(scheme)) {
    throw bad(`Links begin with dat:// or hyper://, not with ${scheme}://.`)
  }
  const [, authority = '', path] = /^([^/?#]*)(\/[^?#]*)?/.exec(rest) ?? []
  const plus = authority.indexOf('+')
  const name = plus === -1 ? authority : authority.slice(0, plus)
  const version = plus === -1 ? undefined : parseVersion(authority.slice(plus + 1))
  return { key: parseKey(name), version, path: path === undefined ? undefined : decodePath(path) }
}

/** The bytes of a key in hex or z-base-32, without anything around it. */
export function parseKey(text: string): Uint8Array {
  if (HEX_KEY.test(text)) return fromHex(text)
  const key = text.length === Z32_CHARACTERS ? fromZ32(text) : undefined
  if (key === undefined) throw whatIsWrong(text)
  return key
}

/** A key as somebody has it: its 32 bytes, or its text: hex, z-base-32, or a link that says nothing but the key. */
export type KeyLike = Uint8Array | string

/**
 * The bytes of a key, however it is given; given bytes are not copied.
 *
 * @param what for the message: whose key it is
 * @throws DatError BAD_LINK for a text that is no key; BAD_ARGUMENT for other than 32 bytes, and for a link with a path or a
 *   version, which would be lost
 */
export function keyBytes(key: KeyLike, what = 'key'): Uint8Array {
  if (typeof key === 'string') return onlyKey(parseLink(key), what)
  if (key instanceof Uint8Array && key.length === KEY_BYTES) return key
  const bytes = key instanceof Uint8Array ? key.length : 0
  const message = `A ${what} has ${KEY_BYTES} bytes, or is their text in hex or z-base-32.`
  throw new DatError('BAD_ARGUMENT', message, { bytes })
}

function onlyKey({ key, version, path = '/' }: Link, what: string): Uint8Array {
  if (version === undefined && path === '/') return key
  const message = `A ${what} is asked for here: the path or version behind it in the link has no meaning.`
  throw new DatError('BAD_ARGUMENT', message)
}

/** The text form of a key: z-base-32, 52 characters. */
export function formatKey(key: Uint8Array): string {
  if (key.length === 32) return z32(key)
  throw new DatError('BAD_ARGUMENT', `A key has 32 bytes, not ${key.length}.`)
}

/** `hyper://` link; `parseLink` of it gives the same key, version and path. */
export function formatLink(link: {
  readonly key: Uint8Array
  readonly version?: number | undefined
  readonly path?: string | undefined
}): string {
  const version = link.version === undefined ? '' : `+${link.version}`
  const path = (link.path ?? '').split('/').map(encodeURIComponent).join('/')
  return `hyper://${formatKey(link.key)}${version}${path}`
}

function splitScheme(text: string): { scheme: string | undefined; rest: string } {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text)
  if (match === null) return { scheme: undefined, rest: text }
  return { scheme: match[1]?.toLowerCase(), rest: match[2] ?? '' }
}

/** A page such as `https://registry.example/dat/<key>/`: the first part of its path that is a key. */
function parseWebAddress(rest: string): Link {
  const path = rest
    .replace(/[?#].*$/s, '')
    .split('/')
    .slice(1)
  const part = path.find((p) => HEX_KEY.test(p) || (p.length === Z32_CHARACTERS && fromZ32(p)))
  if (part === undefined)
    throw bad('This web address holds no key. Use the link of the drive itself.')
  return { key: parseKey(part), version: undefined, path: undefined }
}

function parseVersion(text: string): number | undefined {
  if (text === 'latest') return undefined
  const version = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(version)) return version
  throw bad(`The version after "+" must be a number, not "${text}".`)
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (cause) {
    throw new DatError(
      'BAD_LINK',
      'The path of the link is not well-formed: write "%" as "%25".',
      { path },
      cause,
    )
  }
}

/** The sentence that helps most, for a text that is no key. */
function whatIsWrong(text: string): DatError {
  const length = text.length
  if (length === 0) return bad('The link has no key.')
  if (/^[^\s]+\.[a-z]{2,}$/i.test(text)) {
    return bad(
      `"${text}" is a domain name. Names are not looked up; use the link with the key in it.`,
    )
  }
  if (/^[0-9a-f]+$/i.test(text) && length > Z32_CHARACTERS) {
    return bad(`The key has ${length} hex digits; it must have 64. ${lost(length < 64)}`, {
      length,
    })
  }
  if (length === Z32_CHARACTERS && fromZ32(text.toLowerCase()) !== undefined) {
    return bad('Keys in z-base-32 are written in lower case.')
  }
  if (length === Z32_CHARACTERS || length === 64) {
    return bad('The key has a character that no key has (z-base-32 knows no l, v, 0 and 2).', {
      length,
    })
  }
  const message = `"${text.slice(0, 80)}" is no key: keys have 52 characters of z-base-32 or 64 hex digits.`
  return bad(`${message} ${length} are here.`, { length })
}

function lost(short: boolean): string {
  return short ? 'Was its end lost in copying?' : 'Was something added in copying?'
}

function bad(message: string, facts: Record<string, number> = {}): DatError {
  return new DatError('BAD_LINK', message, facts)
}
