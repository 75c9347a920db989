/**
 * Conversations about logs: what is said is heard, who may speak, and how it ends.
 */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatError } from '../../src/base/errors.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { discoveryKey } from '../../src/crypto/keys.ts'
import { hasLog, openLog, pairLogs } from '../../src/wire/gen3.ts'
import { muxPair, scriptedMux } from './channels.ts'
import {
  blockProof,
  conversation,
  KEY,
  OTHER_KEY,
  openingOf,
  openScripted,
  REQUEST,
  Side,
} from './conversations.ts'
import { TestClock } from './simulated.ts'

// ---- What is said is heard -----------------------------------------------------------------------

test('everything that a sender says, the handler at the other end hears', () => {
  const { clock, near, far } = conversation()
  const { sender } = near
  assert.ok(sender, 'open')
  const status = {
    fork: 2,
    length: 40,
    remoteLength: 30,
    canUpgrade: true,
    uploading: true,
    downloading: false,
    hasManifest: true,
  }

  sender.status(status)
  sender.have(0, 40)
  sender.have(7, 1)
  sender.unhave(3, 4)
  sender.bitfield(32, Uint32Array.of(1, 0xffffffff))
  sender.want(0, 2_097_152)
  sender.unwant(0, 2_097_152)
  sender.request(REQUEST)
  sender.cancel(7)
  sender.data(7, blockProof(12), 3, (into, at) => into.set([9, 8, 7], at))
  sender.refuse(8, 'none')
  sender.refuse(9, 'unavailable')
  sender.refuse(10, 'invalid')
  sender.extension('first', Uint8Array.of(1))
  sender.extension('first', Uint8Array.of(2))
  sender.extension('second', Uint8Array.of(3))
  clock.run()

  const [heardStatus, ...heard] = far.lines
  assert.deepEqual(JSON.parse(heardStatus?.slice('status '.length) ?? ''), status)
  assert.deepEqual(heard, [
    'have 0 40',
    'have 7 1',
    'unhave 3 4',
    'bitfield 32 1,4294967295',
    'want 0 2097152 false',
    'unwant 0 2097152',
    `request ${JSON.stringify(REQUEST)}`,
    'cancel 7',
    'data 7 12 090807',
    'refusal 8 none',
    'refusal 9 unavailable',
    'refusal 10 invalid',
    'extension first 01',
    'extension first 02',
    'extension second 03',
    'end',
  ])
})

test('a message of the future, a bitfield that starts nowhere and trailing bytes are ignored', () => {
  const side = new Side()
  const { mux, receive } = openScripted(side)
  side.lines.length = 0

  receive('010aff', '010701010000000f', '01020599', '0108040506ff')

  assert.deepEqual(
    side.lines.filter((line) => line !== 'end'),
    ['cancel 5', 'have 5 6'],
  )
  assert.equal(mux.closed, false)
})

test('a block that cannot be read is an error for the caller, and leaves no trace on the wire', () => {
  const { clock, near, far } = conversation()
  const failure = new DatError('CORRUPT_STORE', 'damaged')

  near.sender?.have(1, 1)
  assert.throws(
    () =>
      near.sender?.data(1, blockProof(0), 100, () => {
        throw failure
      }),
    failure,
  )
  near.sender?.have(2, 1)
  clock.run()

  assert.deepEqual(far.lines, ['have 1 1', 'have 2 1', 'end'])
})

test('an extension without a name, or larger than the limits, is refused where it is made', () => {
  const { near } = conversation()
  const bad = { code: 'BAD_ARGUMENT' }

  assert.throws(() => near.sender?.extension('', new Uint8Array(1)), bad)
  assert.throws(() => near.sender?.extension('x'.repeat(257), new Uint8Array(1)), bad)
  assert.throws(() => near.sender?.extension('x', new Uint8Array(4 * 1024 * 1024 + 1)), bad)
  near.sender?.extension('x'.repeat(256), new Uint8Array(4 * 1024 * 1024))
})

// ---- Who may speak -------------------------------------------------------------------------------

test('the remote opens a log that is here: it is opened in answer, and both may speak', () => {
  const clock = new TestClock()
  const [near, far] = muxPair(clock)
  const served = new Side()
  pairLogs(far, {
    keyOf: (id) => (hex(id) === hex(discoveryKey(KEY)) ? KEY : undefined),
    open: () => openLog(far, served),
  })
  const side = new Side()
  side.during = (line) => line === 'open' && side.sender?.have(0, 1)
  served.during = (line) => line === 'open' && served.sender?.have(0, 2)

  const channel = openLog(near, side)
  assert.equal(channel.opened, false)
  clock.run()

  assert.deepEqual(side.lines, ['open', 'have 0 2', 'end'])
  assert.deepEqual(served.lines, ['open', 'have 0 1', 'end'])
  assert.ok(channel.opened && hasLog(near, side.discoveryKey) && hasLog(far, side.discoveryKey))
  assert.throws(() => openLog(near, new Side()), { code: 'CONFLICT' })
})

test('a log that is not here and a key that is not known are refused with the same bytes', () => {
  const answers = [undefined, KEY].map((key) => {
    const server = scriptedMux({ isInitiator: false })
    pairLogs(server.mux, { keyOf: () => key, open: () => assert.fail('nothing was proved') })
    const liar = scriptedMux()
    // Knows the discovery key, not the key.
    openLog(liar.mux, new Side(OTHER_KEY, discoveryKey(KEY)))
    server.receive(liar.sent()[0] ?? '')
    assert.equal(server.mux.closed, false)
    return server.sent()
  })

  assert.deepEqual(answers, [['000201'], ['000201']])
})

test('a wrong capability in answer to our opening closes that channel only, and nothing is said', () => {
  const clock = new TestClock()
  const muxes = muxPair(clock)
  const honest = new Side()
  const liar = new Side(OTHER_KEY, honest.discoveryKey)
  const beside = [new Side(OTHER_KEY), new Side(OTHER_KEY)]

  openLog(muxes[0], honest)
  openLog(muxes[1], liar)
  for (const i of [0, 1] as const) openLog(muxes[i], beside[i] ?? new Side())
  clock.run()

  assert.deepEqual(honest.lines, ['refused BAD_HANDSHAKE'])
  assert.deepEqual(liar.lines, ['refused BAD_HANDSHAKE'])
  assert.deepEqual(
    beside.map((side) => side.lines),
    [['open'], ['open']],
  )
  assert.equal(muxes[0].closed, false)
})

test('our own capability, reflected, proves nothing', () => {
  const scripted = scriptedMux({ isInitiator: true })
  const side = new Side()
  openLog(scripted.mux, side)

  scripted.receive(scripted.sent()[0] ?? '')

  assert.deepEqual(side.lines, ['refused BAD_HANDSHAKE'])
  assert.deepEqual(scripted.sent(), ['000301'])
})

test('messages that come before the capability was right are not heard', () => {
  const scripted = scriptedMux({ isInitiator: false })
  const side = new Side()
  openLog(scripted.mux, side)
  const opening = openingOf(OTHER_KEY, true).replace(
    hex(discoveryKey(OTHER_KEY)),
    hex(side.discoveryKey),
  )

  scripted.receive(opening, '010000000000', '0101080100000a')

  assert.deepEqual(side.lines, ['refused BAD_HANDSHAKE'])
})

test('a capability that is cut, or an id that is no discovery key, opens nothing', () => {
  const server = scriptedMux({ isInitiator: false })
  pairLogs(server.mux, { keyOf: () => KEY, open: () => assert.fail() })

  server.receive('0001010f6879706572636f72652f616c7068610201' + '02' + '01')
  assert.deepEqual(server.sent(), ['000201'])

  server.receive(openingOf(KEY, true).slice(0, -2))
  assert.equal(server.mux.closed, true)
})

test('a directory that does not open what was proved refuses it', () => {
  const server = scriptedMux({ isInitiator: false })
  const opened: string[] = []
  pairLogs(server.mux, { keyOf: () => KEY, open: (id) => opened.push(hex(id)) })

  server.receive(openingOf(KEY, true))

  assert.deepEqual(opened, [hex(discoveryKey(KEY))])
  assert.deepEqual(server.sent(), ['000201'])
})

// ---- How it ends ---------------------------------------------------------------------------------

test('after the end a sender does nothing, and the end is told once', () => {
  const { clock, near, far, muxes } = conversation()

  near.sender?.close(new Error('enough'))
  near.sender?.close()
  near.sender?.have(0, 1)
  near.sender?.request(REQUEST)
  near.sender?.data(1, blockProof(0), 1, () => assert.fail('not filled'))
  clock.run()

  assert.deepEqual(near.lines, ['close enough'])
  assert.deepEqual(far.lines, ['close'])
  assert.equal(near.sender?.writable, false)
  assert.equal(muxes[0].channelCount, 0)
})

test('the end of the connection tells a conversation that was open, and refuses one that was not', () => {
  const { near, far, muxes } = conversation()
  const waiting = new Side(OTHER_KEY)
  openLog(muxes[0], waiting)

  muxes[0].close(new DatError('TIMEOUT', 'silent'))

  assert.deepEqual(near.lines, ['close TIMEOUT'])
  assert.deepEqual(waiting.lines, ['refused TIMEOUT'])
  assert.deepEqual(far.lines, [])
})

test('whatever a handler throws ends its conversation, and the connection goes on', () => {
  for (const where of ['have 0 1', 'end']) {
    for (const code of ['BAD_PROOF', 'BAD_FRAME', 'IO'] as const) {
      const { clock, near, far, muxes } = conversation()
      far.during = (line) => {
        if (line === where) throw new DatError(code, 'of this log')
      }

      near.sender?.have(0, 1)
      clock.run()

      assert.equal(far.lines.at(-1), `close ${code}`)
      assert.equal(near.lines.at(-1), 'close')
      assert.equal(muxes[1].closed, false)
    }
  }
})

test('who closes from inside onOpen hears the end, and nothing else', () => {
  const clock = new TestClock()
  const muxes = muxPair(clock)
  const near = new Side()
  const far = new Side()
  near.during = (line) => line === 'open' && near.sender?.close()

  openLog(muxes[0], near)
  openLog(muxes[1], far)
  clock.run()

  assert.deepEqual(near.lines, ['open', 'close'])
  assert.deepEqual(far.lines, ['open', 'close'])
})

test('a body that is cut ends the connection, and every log hears why', () => {
  const side = new Side()
  const { mux, receive } = openScripted(side)

  receive('01030118')

  assert.equal(mux.closed, true)
  assert.deepEqual(side.lines, ['open', 'close BAD_FRAME'])
})
