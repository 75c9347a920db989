/** Logs of values. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 as bytesOf } from '../../src/bytes/bytes.ts'
import { binary, type Encoding, json, utf8 } from '../../src/bytes/encodings.ts'
import { decoded, encoded } from '../../src/log/encoded.ts'
import { openLog } from './support.ts'

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const value of source) found.push(value)
  return found
}

test('values come back as they went in, and stand in the log as the encoding says', async () => {
  const log = await openLog()
  const texts = encoded(log, utf8)
  const things = encoded(log, json)

  await texts.append('größe', '')
  const made = await things.append({ a: [1, null] })

  assert.deepEqual(made, { length: 3, byteLength: 7 + 0 + 14 })
  assert.deepEqual(log.peek(2), bytesOf('{"a":[1,null]}'))
  assert.equal(await texts.get(0), 'größe')
  assert.equal(texts.peek(1), '')
  assert.equal(texts.peek(3), undefined)
  assert.deepEqual(await all(things.values({ start: 2 })), [{ a: [1, null] }])
  assert.deepEqual(encoded(log, binary).peek(0), bytesOf('größe'))
  assert.deepEqual([texts.length, things.log], [3, log])
})

test('an encoding of our own, typed, over a log and over a snapshot of it', async () => {
  const dates: Encoding<Date> = {
    encode: (date) => bytesOf(date.toISOString()),
    decode: (bytes) => new Date(Buffer.from(bytes).toString()),
  }
  const log = encoded(await openLog(), dates)
  const [first, second] = [new Date(0), new Date(1e12)]
  await log.append(first)
  const then = decoded(log.log.snapshot(), dates)
  await log.append(second)

  assert.deepEqual(await all(log.values()), [first, second])
  assert.deepEqual(await all(then.values()), [first])
  assert.equal(then.length, 1)
})

test('a block that is no such value says which, and a value that has no bytes is not appended', async () => {
  const log = await openLog()
  await log.append([bytesOf('1'), bytesOf('{'), Uint8Array.of(0xff)])
  const things = encoded(log, json)

  const says = { code: 'BAD_CONTENT', facts: { index: 1 } }
  await assert.rejects(things.get(1), says)
  assert.throws(() => things.peek(1), says)
  await assert.rejects(all(things.values()), says)
  await assert.rejects(encoded(log, utf8).get(2), { code: 'BAD_CONTENT' })
  await assert.rejects(things.append(1, 2n), TypeError)
  assert.equal(log.length, 3)
})
