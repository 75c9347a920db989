/** A log as a run of bytes, and a log that is fed from a source. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { APPEND_BYTES_QUEUED_MAX } from '../../src/base/limits.ts'
import { utf8 } from '../../src/bytes/bytes.ts'
import { openLog, openPair } from './support.ts'

async function text(source: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of source) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

// ---- Reading -------------------------------------------------------------------------------------

test('a range of bytes is what a slice of all bytes is, wherever blocks begin', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ maxLength: 6 }), { maxLength: 12 }),
      fc.nat(60),
      fc.option(fc.nat(60), { nil: undefined }),
      fc.boolean(),
      async (parts, start, length, isEncrypted) => {
        const log = await openLog(isEncrypted ? { encryptionKey: new Uint8Array(32) } : {})
        await log.append(parts.map(utf8))
        const whole = Buffer.concat(parts.map(utf8))
        const end = length === undefined ? whole.length : start + length

        const found = await text(log.bytes(length === undefined ? { start } : { start, length }))

        assert.equal(found, whole.subarray(start, end).toString())
      },
    ),
    { numRuns: 200 },
  )
})

test('of a log that is not here only the blocks of the range are fetched', async () => {
  const { log } = await openPair(Array.from({ length: 40 }, (_, i) => utf8(`<${i % 10}>`)))
  await log.update()

  assert.equal(await text(log.bytes({ start: 31, length: 5 })), '0><1>')

  assert.deepEqual([log.has(10, 12), log.has(9), log.has(12)], [true, false, false])
})

test('reading bytes ends with its signal, and refuses what is no range', async () => {
  const { log, remote } = await openPair([utf8('abc')])
  await log.update()
  remote.gate = new Promise(() => {})
  const stop = new AbortController()

  const reading = text(log.bytes({ signal: stop.signal, start: 1 }))
  stop.abort()

  await assert.rejects(reading, { code: 'ABORTED' })
  await assert.rejects(text(log.bytes({ start: -1 })), { code: 'BAD_ARGUMENT' })
  await assert.rejects(text(log.bytes({ length: -1 })), { code: 'BAD_ARGUMENT' })
})

// ---- Appending -----------------------------------------------------------------------------------

test('each piece of a source becomes a block, or all of it blocks of one size', async () => {
  const log = await openLog()
  const made = await log.appendFrom([utf8('ab'), utf8(''), utf8('cdefg')])
  assert.deepEqual(made, { length: 3, byteLength: 7 })
  assert.deepEqual(log.peek(2), utf8('cdefg'))

  const cut = await openLog()
  await cut.appendFrom([utf8('ab'), utf8(''), utf8('cdefg')], { blockBytes: 3 })

  assert.deepEqual(
    [0, 1, 2, 3].map((i) => cut.peek(i)?.length),
    [3, 3, 1, undefined],
  )
  assert.equal(await text(cut.bytes()), 'abcdefg')
  await assert.rejects(cut.appendFrom([], { blockBytes: 0 }), { code: 'BAD_ARGUMENT' })
  assert.deepEqual(await log.appendFrom([]), { length: 3, byteLength: 7 })
})

test('a source is asked for more only as fast as the log is written', async () => {
  const log = await openLog()
  const piece = new Uint8Array(APPEND_BYTES_QUEUED_MAX / 4)
  let unwritten = 0
  let most = 0
  log.on('append', () => {
    unwritten = 0
  })
  function* source(): Generator<Uint8Array> {
    for (let i = 0; i < 20; i++) {
      unwritten += piece.length
      most = Math.max(most, unwritten)
      yield piece
    }
  }

  await log.appendFrom(source())

  assert.equal(log.length, 20)
  assert.ok(most <= APPEND_BYTES_QUEUED_MAX + piece.length, `${most}`)
})

test('when a source fails or is aborted, what came before stays, and the source is told', async () => {
  const log = await openLog()
  let told = 0
  const stop = new AbortController()
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield utf8('one')
    throw new Error('the source broke')
  }
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (let i = 0; ; i++) {
        if (i === 3) stop.abort(new Error('enough'))
        yield utf8('more')
      }
    } finally {
      told++
    }
  }

  await assert.rejects(log.appendFrom(failing()), /the source broke/)
  assert.equal(log.length, 1)
  await assert.rejects(log.appendFrom(endless(), { signal: stop.signal }), { code: 'ABORTED' })
  assert.equal(log.length, 4)
  assert.equal(told, 1)
})

test('a log that may not be written says so, and the source is told', async () => {
  const log = (await openLog()).session({ writable: false })
  let told = 0
  function* source(): Generator<Uint8Array> {
    try {
      for (;;) yield utf8('x')
    } finally {
      told++
    }
  }

  await assert.rejects(log.appendFrom(source()), { code: 'NOT_WRITABLE' })
  assert.equal(told, 1)
})
