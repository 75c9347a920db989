/** Which addresses are dialled, what is tried there, and when again; with real stores and streams in memory. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { DatError } from '@dat-rhino/core/base/errors'
import {
  LEGACY_ADDRESSES_MAX,
  LEGACY_ADDRESSES_PER_LOG_MAX,
  LEGACY_DIALS_MAX,
} from '@dat-rhino/core/base/limits'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { discoveryKey, keyPair } from '@dat-rhino/core/crypto/keys'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import type { ByteStream } from '@dat-rhino/core/wire/byte-stream'
import { Calls } from '../../../src/network/legacy/calls.ts'
import { Dialler, type DiallerLog } from '../../../src/network/legacy/dialler.ts'
import type { Wire } from '../../../src/network/legacy/finder.ts'
import { handClock } from '../../hand-clock.ts'
import { settle } from './wire-hub.ts'

/** A stream that somebody ends at once, or that stays. */
class Pipe implements ByteStream {
  writable = true
  handler: ByteStream['handler']
  written: Uint8Array[] = []

  write(bytes: Uint8Array): void {
    this.written.push(bytes.slice())
  }
  pause(): void {}
  resume(): void {}
  close(error?: Error): void {
    const { handler } = this
    this.handler = undefined
    setImmediate(() => handler?.onClose(error))
  }
}

function log(byte: number, wires: readonly Wire[] = []): DiallerLog {
  return { discoveryKey: new Uint8Array(32).fill(byte), wires: () => wires }
}

/** A dialler whose connections are ended by `answer`: refused, or cut after the first word. */
async function bed(t: TestContext, answer: 'refused' | 'cut' | 'silent', max = 64) {
  const clock = handClock()
  const corestore = await Corestore.open({ store: openMemoryStore() })
  const calls = new Calls(corestore, clock, max, { onPeer: () => {}, onEnd: () => {} })
  const dialled: string[] = []
  const pipes: Pipe[] = []
  const dialler = new Dialler({
    clock,
    random: () => 0,
    calls,
    connect: async ({ host, port }) => {
      dialled.push(`${host}:${port}`)
      if (answer === 'refused') throw new DatError('NO_PEERS', 'nobody')
      const pipe = new Pipe()
      pipes.push(pipe)
      if (answer === 'cut') setImmediate(() => pipe.close())
      return pipe
    },
  })
  t.after(() => {
    dialler.close()
    calls.close()
    return corestore.close()
  })
  return { clock, corestore, calls, dialled, pipes, dialler }
}

const at = (port: number) => ({ host: '10.0.0.1', port })

test('an address that a stranger told is tried a few times, ever later, and forgotten', async (t) => {
  const { clock, dialled, dialler } = await bed(t, 'refused')
  const wanted = log(1)
  const times: number[] = []

  dialler.offer(wanted, at(1), [])
  for (let second = 0; second < 100; second++) {
    await settle()
    if (dialled.splice(0).length > 0) times.push(second)
    clock.advance(1_000)
  }

  assert.deepEqual(times, [0, 1, 3, 7])
  assert.equal(dialler.countOf(wanted), 0)
})

test('an address that the user named is tried for as long as the log is looked for', async (t) => {
  const { clock, dialled, dialler } = await bed(t, 'refused')
  const wanted = log(1)
  dialler.offer(wanted, at(1), [], true)
  for (let minute = 0; minute < 60; minute++) {
    await settle()
    clock.advance(60_000)
  }
  await settle()
  const count = dialled.length
  assert.ok(count > 10 && count < 20, String(count))

  dialler.drop(wanted)
  clock.advance(3_600_000)
  await settle()

  assert.equal(dialled.length, count)
})

test('an address is tried with each wire: what is known comes first, and generation 1 with each log', async (t) => {
  const { pipes, dialled, dialler, clock } = await bed(t, 'cut')

  dialler.offer(log(1), at(1), ['hypercore 8'])
  for (let i = 0; i < 30; i++) await settle()
  // 58 bytes begin generation 2. Generation 1 has nothing to say while none of its logs is open here.
  const first = pipes.map(({ written }) => written[0]?.[0])
  assert.deepEqual(first, [0x3a, undefined, 0x3a])
  assert.deepEqual(new Set(dialled).size, 1)

  pipes.length = 0
  dialler.offer(log(2, ['hypercore 7']), at(1), [])
  for (let i = 0; i < 40; i++) await settle()
  clock.advance(1)
  assert.deepEqual(
    pipes.map(({ written }) => written[0]?.[0]),
    [undefined, undefined, 0x3a, 0x3a],
  )
})

test('the first word is the log that is looked for', async (t) => {
  const { corestore, pipes, dialler } = await bed(t, 'silent')
  const [other, wanted] = [keyPair().publicKey, keyPair().publicKey]
  await corestore.get({ key: other, generation: 1 })
  await corestore.get({ key: wanted, generation: 1 })
  const name = discoveryKey(wanted)

  dialler.offer({ discoveryKey: name, wires: () => ['hypercore 7'] }, at(1), [])
  for (let i = 0; i < 10; i++) await settle()

  assert.deepEqual(pipes[0]?.written[0]?.subarray(4, 36), name)
})

test('so many are dialled at a time, and no more than there may be connections', async (t) => {
  const { dialled, dialler } = await bed(t, 'silent')
  for (let port = 1; port <= 20; port++) dialler.offer(log(1), at(port), [])
  await settle()
  assert.equal(dialled.length, LEGACY_DIALS_MAX)

  const small = await bed(t, 'silent', 3)
  for (let port = 1; port <= 20; port++) small.dialler.offer(log(1), at(port), [])
  await settle()
  assert.equal(small.dialled.length, 3)
})

test('addresses are remembered up to a limit for a log and to one in all, those of the user beyond', async (t) => {
  const { dialler } = await bed(t, 'silent')
  const wanted = log(1)
  for (let port = 1; port <= LEGACY_ADDRESSES_PER_LOG_MAX; port++)
    dialler.offer(wanted, at(port), [])
  assert.equal(dialler.countOf(wanted), LEGACY_ADDRESSES_PER_LOG_MAX)
  dialler.offer(wanted, at(60_000), [])
  assert.equal(dialler.countOf(wanted), LEGACY_ADDRESSES_PER_LOG_MAX)
  dialler.offer(wanted, at(60_001), [], true)
  assert.equal(dialler.countOf(wanted), LEGACY_ADDRESSES_PER_LOG_MAX + 1)

  let last = wanted
  for (let i = 0; i * LEGACY_ADDRESSES_PER_LOG_MAX < LEGACY_ADDRESSES_MAX; i++) {
    last = log(i + 2)
    for (let port = 1; port <= LEGACY_ADDRESSES_PER_LOG_MAX; port++) {
      dialler.offer(last, { host: `10.0.1.${i}`, port }, [])
    }
  }
  // One address was there before the others.
  assert.equal(dialler.countOf(last), 0)
  dialler.drop(wanted)
  dialler.offer(last, { host: '10.0.2.1', port: 1 }, [])
  assert.equal(dialler.countOf(last), 1)
})

test('a log is being tried until its addresses have failed once', async (t) => {
  const { dialler } = await bed(t, 'refused')
  const wanted = log(1)
  assert.equal(dialler.isTrying(wanted), false)
  dialler.offer(wanted, at(1), [])
  assert.equal(dialler.isTrying(wanted), true)
  await settle()
  assert.equal(dialler.isTrying(wanted), false)
})

test('a store that is closed under a dialler ends the attempt, and nothing else', async (t) => {
  const { corestore, dialler, dialled, pipes } = await bed(t, 'silent')
  await corestore.close()

  dialler.offer(log(1), at(1), [])
  await settle()

  assert.deepEqual([dialled.length, pipes[0]?.written.length], [1, 0])
  assert.equal(dialler.isTrying(log(1)), false)
})
