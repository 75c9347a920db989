/** Keys and links in every form that the field has used, and the sentences for those that are none. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatError } from '../../src/base/errors.ts'
import { fromHex, hex } from '../../src/bytes/bytes.ts'
import { formatKey, formatLink, keyBytes, parseKey, parseLink } from '../../src/crypto/links.ts'
import { fromZ32, z32 } from '../../src/crypto/z32.ts'
import { vectors } from '../vectors.ts'

const HEX = '87ed2e3b160f261a032af03921a3bd09227d0a4cde73466c17114816cae43336'
const Z32 = z32(fromHex(HEX))

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** The message with which `text` is refused. */
function refusal(text: unknown): string {
  try {
    parseLink(text as string)
  } catch (error) {
    assert.ok(error instanceof DatError)
    assert.equal(error.code, 'BAD_LINK')
    return error.message
  }
  return assert.fail(`${text} was accepted`)
}

test('ids are those of hypercore-id-encoding, both ways', () => {
  const { ids } = vectors<{ ids: { key: string; z32: string }[] }>('gen3-core/keys-manifests')
  assert.ok(ids.length > 0)
  for (const row of ids) {
    assert.equal(formatKey(fromHex(row.key)), row.z32)
    assert.equal(hex(parseKey(row.z32)), row.key)
    assert.equal(hex(parseKey(row.key)), row.key)
  }
})

test('what hypercore-id-encoding reads and refuses, a link does too', () => {
  const { idDecode } = vectors<{ idDecode: { input: string; key?: string }[] }>(
    'gen3-core/keys-manifests',
  )
  for (const row of idDecode) {
    // A link may have a query behind its key, where an id may not.
    if (row.input.endsWith('?x')) continue
    if (row.key === undefined) refusal(row.input)
    else assert.equal(hex(parseLink(row.input).key), row.key)
  }
})

test('dat links are read as Beaker and the dat command read them', () => {
  interface Row {
    url: string
    protocol: string
    hostname: string
    version: string | null
    pathname: string | null
  }
  let read = 0
  for (const row of vectors<{ parse: Row[] }>('gen1/urls').parse) {
    const isKey = row.protocol === 'dat:' && row.hostname.length === 64
    if (!isKey || row.version === 'preview') continue
    const link = parseLink(row.url)
    assert.equal(hex(link.key), row.hostname, row.url)
    const version =
      row.version === null || row.version === 'latest' ? undefined : Number(row.version)
    assert.equal(link.version, version, row.url)
    assert.equal(link.path, row.pathname ?? undefined, row.url)
    read++
  }
  assert.equal(read, 8)
})

test('keys are found where the dat command found them, in whole parts of a web address', () => {
  assert.equal(hex(parseLink(`https://datbase.org/dat/${HEX}`).key), HEX)
  assert.equal(hex(parseLink(`https://datbase.org/${HEX.toUpperCase()}/?a=b`).key), HEX)
  assert.equal(hex(parseLink(`http://localhost:4973/hyper/${Z32}/index.html`).key), HEX)
  assert.match(refusal('https://example.com/about'), /holds no key/)
  assert.match(refusal(`https://example.com/${HEX}0`), /holds no key/)
})

test('every scheme, any case of it, and none lead to the same key', () => {
  for (const id of [HEX, HEX.toUpperCase(), Z32]) {
    for (const prefix of ['', 'dat://', 'hyper://', 'pear://', 'DAT://', '  hyper://']) {
      assert.equal(hex(parseLink(`${prefix}${id}`).key), HEX)
      assert.equal(parseLink(`${prefix}${id}`).path, undefined)
      assert.equal(parseLink(`${prefix}${id}/`).path, '/')
    }
  }
})

test('versions and paths are read, queries and fragments left out', () => {
  const link = parseLink(`hyper://${Z32}+12/a%20b/%C3%BC.txt?x=1#part`)

  assert.equal(hex(link.key), HEX)
  assert.equal(link.version, 12)
  assert.equal(link.path, '/a b/ü.txt')
  assert.equal(parseLink(`${Z32}+latest/x`).version, undefined)
  assert.equal(parseLink(`${Z32}?x`).path, undefined)
})

test('a link that is written is read as what it was', () => {
  const part = fc.string({ unit: 'grapheme', minLength: 1 }).filter((p) => !p.includes('/'))
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`)
  fc.assert(
    fc.property(key, fc.option(fc.nat()), fc.option(path), (k, version, p) => {
      const given = { key: k, version: version ?? undefined, path: p ?? undefined }

      const link = parseLink(formatLink(given))

      assert.equal(hex(link.key), hex(k))
      assert.equal(link.version, given.version)
      assert.equal(link.path, given.path)
    }),
  )
  assert.equal(formatLink({ key: fromHex(HEX) }), `hyper://${Z32}`)
})

test('z-base-32 goes both ways for bytes of any length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      const text = z32(bytes)
      assert.equal(text.length, Math.ceil((bytes.length * 8) / 5))
      assert.deepEqual(fromZ32(text), bytes)
    }),
  )
})

test('a refused link says what is wrong with it', () => {
  const sentences: [string, RegExp][] = [
    ['', /empty/],
    ['   ', /empty/],
    ['dat://', /no key/],
    ['hyper:///path', /no key/],
    [HEX.slice(1), /63 hex digits; it must have 64.*lost/],
    [`dat://${HEX}0/`, /65 hex digits; it must have 64.*added/],
    [`x${HEX.slice(1)}`, /character that no key has/],
    [Z32.replace(/^./, 'l'), /character that no key has/],
    [Z32.toUpperCase(), /lower case/],
    [Z32.slice(1), /52 characters of z-base-32 or 64 hex digits.* 51 are here/],
    ['dat://beakerbrowser.com/docs', /"beakerbrowser.com" is a domain name/],
    ['beakerbrowser.com+3', /domain name/],
    ['ftp://example.com/x', /not with ftp/],
    [`${Z32}+preview`, /must be a number, not "preview"/],
    [`${Z32}+`, /must be a number/],
    [`${Z32}+99999999999999999999`, /must be a number/],
    [`${Z32}/100%`, /%25/],
    ['photos', /"photos" is no key/],
  ]
  for (const [text, sentence] of sentences) assert.match(refusal(text), sentence, text)
})

test('a link that is no text is refused as a link, not with an error of the language', () => {
  for (const link of [undefined, null, 7, {}, fromHex(HEX)]) assert.match(refusal(link), /is text/)
})

test('a key of another length is never formatted', () => {
  assert.throws(() => formatKey(new Uint8Array(31)), DatError)
})

test('a key is taken as bytes, hex, z-base-32 or a link, and as nothing that says more or less', () => {
  const key = fromHex(HEX)
  for (const given of [key, HEX, HEX.toUpperCase(), Z32, `dat://${HEX}`, `hyper://${Z32}/`]) {
    assert.deepEqual(keyBytes(given), key)
  }
  const refused = (code: string, sentence: RegExp) => (error: unknown) =>
    error instanceof DatError && error.code === code && sentence.test(error.message)

  for (const link of [`dat://${HEX}+3`, `hyper://${Z32}/file`]) {
    assert.throws(() => keyBytes(link), refused('BAD_ARGUMENT', /path or version/))
  }
  assert.throws(() => keyBytes('photos', 'peer'), refused('BAD_LINK', /is no key/))
  assert.throws(() => keyBytes(key.subarray(1), 'peer'), refused('BAD_ARGUMENT', /A peer has 32/))
})
