/** Headers and hints are encoded as hyperbee encodes them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { BEE_HINT_BLOCKS_MAX } from '../../src/base/limits.ts'
import { fromHex, hex } from '../../src/bytes/bytes.ts'
import { decodeHeader, encodeHeader } from '../../src/index/block.ts'
import { decodeHint, encodeHint, type Hint } from '../../src/index/hints.ts'
import { vectors } from './vectors.ts'

type Bytes = { readonly hex: string } | null

interface Messages {
  readonly headers: readonly {
    header: { metadata: { contentFeed: Bytes; userData: Bytes } | null }
    encoded: string
  }[]
  readonly extension: {
    vectors: readonly {
      message: Record<string, Record<string, unknown>>
      encoded: string
    }[]
  }
  readonly liveCapture: Record<'get' | 'iterator', readonly (readonly [string, string, string])[]>
}

const expected = vectors<Messages>('hyperbee-messages')

const isBytes = (value: unknown): value is { hex: string } =>
  typeof value === 'object' && value !== null && 'hex' in value

const bytes = (value: Bytes): Uint8Array | undefined =>
  value === null ? undefined : fromHex(value.hex)

/** A hint as the vectors tell it. */
function told(hint: Hint | undefined): Record<string, unknown> {
  const { type = '', ...fields } = hint ?? {}
  const values = Object.entries(fields).map(([name, value]) => {
    if (value instanceof Uint8Array) return [name, { hex: hex(value) }]
    return [name, value ?? null]
  })
  return { [type]: Object.fromEntries(values) }
}

test('headers are those of hyperbee, both ways', () => {
  for (const { header, encoded } of expected.headers) {
    const { metadata } = header
    const feed = bytes(metadata?.contentFeed ?? null)
    const user = bytes(metadata?.userData ?? null)

    const decoded = decodeHeader(fromHex(encoded))

    assert.deepEqual(decoded, { contentFeed: feed, userData: user })
    assert.equal(hex(encodeHeader(metadata === null ? undefined : decoded)), encoded)
  }
})

test('hints are those of hyperbee, both ways', () => {
  for (const { message, encoded } of expected.extension.vectors) {
    const hint = decodeHint(fromHex(encoded))

    assert.deepEqual(told(hint), message)
    assert.ok(hint !== undefined)
    assert.equal(hex(encodeHint(hint)), encoded)
    assert.ok(Object.values(message).every((m) => !isBytes(m)))
  }
})

test('captured hints survive a round trip', () => {
  for (const [, , encoded] of [...expected.liveCapture.get, ...expected.liveCapture.iterator]) {
    const hint = decodeHint(fromHex(encoded))

    assert.ok(hint !== undefined)
    assert.equal(hex(encodeHint(hint)), encoded)
  }
})

test('a hint may name as many blocks as an honest peer, and no more', () => {
  const cache = (count: number): Uint8Array => {
    const blocks = Array.from({ length: count }, (_, i) => i + 1)
    return encodeHint({ type: 'cache', start: 1, end: count + 1, blocks })
  }

  assert.equal(decodeHint(cache(BEE_HINT_BLOCKS_MAX))?.type, 'cache')
  assert.throws(
    () => decodeHint(cache(BEE_HINT_BLOCKS_MAX + 1)),
    (error) => isCode(error, 'BAD_FRAME'),
  )
})

test('any bytes are a hint or a BAD_FRAME', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (message) => {
      try {
        decodeHint(message)
      } catch (error) {
        assert.ok(isCode(error, 'BAD_FRAME'))
      }
    }),
  )
})
