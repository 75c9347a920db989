/**
 * Frames of the muxer against the reference's, and how channels are paired.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../../src/bytes/bytes.ts'
import { vectors } from '../vectors.ts'
import { Ear, muxPair, scriptedMux } from './channels.ts'
import { TestClock } from './simulated.ts'

interface Frames {
  protomuxFrames: { about: string; frames: string[] }[]
}

const { protomuxFrames } = vectors<Frames>('gen3-core/messages')

function reference(about: string): string[] {
  const found = protomuxFrames.find((v) => v.about.startsWith(about))
  assert.ok(found, about)
  return found.frames
}

/** OPEN of protocol `a` with number 1. */
const OPEN_A = '000101016100'

// ---- The reference's frames ----------------------------------------------------------------------

test('an opening has the reference bytes, with and without id and handshake', () => {
  const plain = scriptedMux()
  plain.mux.open({ protocol: 'p', handler: new Ear() })
  assert.deepEqual(plain.sent(), reference('open protocol "p"'))

  const full = scriptedMux()
  full.mux.open({
    protocol: 'hypercore/alpha',
    id: new Uint8Array(32).fill(5),
    handshake: Uint8Array.of(1, 2),
    handler: new Ear(),
  })
  assert.deepEqual(full.sent(), reference('open "hypercore/alpha"'))
})

test('frames of one message each have the reference bytes', () => {
  const { mux, sent } = scriptedMux()
  const frames: string[] = []

  const a = mux.open({ protocol: 'a', handler: new Ear() })
  frames.push(...sent())
  const b = mux.open({ protocol: 'b', handler: new Ear() })
  frames.push(...sent())
  a.begin(0).uint(7)
  a.end()
  frames.push(...sent())
  b.send(1, utf8('xyz'))
  frames.push(...sent())
  a.close()
  frames.push(...sent())

  assert.deepEqual(frames, reference('open two channels'))
})

test('what is corked goes out as one batch with the reference bytes', () => {
  const { mux, sent } = scriptedMux()

  mux.cork()
  const a = mux.open({ protocol: 'a', handler: new Ear() })
  const b = mux.open({ protocol: 'b', handler: new Ear() })
  a.send(0, Uint8Array.of(1))
  a.send(1, utf8('hello'))
  b.begin(0).uint(300)
  b.end()
  a.close()
  mux.uncork()

  assert.deepEqual(sent(), reference('cork: open + two messages'))
})

test('a cork with nothing in it sends nothing, and only the outermost uncork sends', () => {
  const { mux, sent, transport } = scriptedMux()
  mux.cork()
  mux.uncork()
  assert.deepEqual(sent(), reference('cork with nothing inside'))

  const a = mux.open({ protocol: 'a', handler: new Ear() })
  const frames = sent()
  mux.cork()
  a.send(0, Uint8Array.of(1))
  mux.cork()
  a.send(0, Uint8Array.of(2))
  mux.uncork()
  assert.deepEqual(sent(), [], 'not yet, and not at the end of the turn')
  a.send(0, Uint8Array.of(3))
  mux.uncork()
  assert.equal(transport.sent.length, 1, 'at once')

  assert.deepEqual([...frames, ...sent()], reference('nested cork'))
})

test('a single corked message is wrapped as a batch, as the reference does it', () => {
  const { mux, sent } = scriptedMux()
  const a = mux.open({ protocol: 'a', handler: new Ear() })
  const frames = sent()

  mux.cork()
  a.send(0, Uint8Array.of(1))
  mux.uncork()

  assert.deepEqual([...frames, ...sent()], reference('cork: a single message'))
})

test('the reference batch is heard as its messages, in order, with one end of frame per channel', () => {
  const { mux, receive } = scriptedMux()
  const a = new Ear()
  const b = new Ear()
  mux.pair('a', undefined, () => Boolean(mux.open({ protocol: 'a', handler: a })))
  mux.pair('b', undefined, () => Boolean(mux.open({ protocol: 'b', handler: b })))

  receive(...reference('cork: open + two messages'))

  assert.deepEqual(a.lines, ['open', '0 01', '1 68656c6c6f', 'close'])
  assert.deepEqual(b.lines, ['open', '0 fd2c01', 'end'])
})

test('messages of one turn share a frame, whoever sends them', () => {
  const { mux, clock, sent, transport } = scriptedMux()
  const a = mux.open({ protocol: 'a', handler: new Ear() })
  const b = mux.open({ protocol: 'b', handler: new Ear() })
  sent()

  a.send(0, Uint8Array.of(1))
  b.send(0, Uint8Array.of(2))
  a.send(0, Uint8Array.of(3))
  assert.equal(transport.sent.length, 0)
  clock.run()

  assert.deepEqual(sent(), ['000001020001000202000200010200' + '03'])
})

test('a frame goes out before the turn ends when it is told to, unless it is corked', () => {
  const { mux, clock, sent, transport } = scriptedMux()
  const a = mux.open({ protocol: 'a', handler: new Ear() })
  sent()

  a.send(0, Uint8Array.of(1))
  mux.flush()
  assert.equal(transport.sent.length, 1, 'at once')
  a.send(0, Uint8Array.of(2))
  mux.cork()
  mux.flush()
  assert.equal(transport.sent.length, 1, 'corked')
  mux.uncork()
  mux.flush()
  clock.run()

  assert.deepEqual(sent(), ['010001', '00000102' + '0002'])
})

test('a message longer or shorter than was guessed has its right length', () => {
  for (const size of [0, 1, 251, 252, 253, 65_534, 65_535, 65_536, 300_000]) {
    for (const hint of [0, 251, 252, 65_534, 65_535, 400_000]) {
      const clock = new TestClock()
      const [near, far] = muxPair(clock)
      const ear = new Ear()
      let got = -1
      far.pair('a', undefined, () => Boolean(far.open({ protocol: 'a', handler: ear })))
      const a = near.open({ protocol: 'a', handler: new Ear() })
      ear.onMessage = (_type, body) => {
        got = body.left
        assert.ok(
          body.rest().every((byte) => byte === 9),
          'the bytes are right',
        )
      }

      near.cork()
      a.begin(3, hint).fixed(new Uint8Array(size).fill(9))
      a.end()
      a.begin(3, 4).fixed(new Uint8Array(2).fill(9))
      a.abandon()
      near.uncork()
      clock.run()

      assert.equal(got, size, `size ${size}, guessed ${hint}`)
    }
  }
})

test('an abandoned message leaves the frame as it was', () => {
  const { mux, sent } = scriptedMux()
  const a = mux.open({ protocol: 'a', handler: new Ear() })
  const b = mux.open({ protocol: 'b', handler: new Ear() })
  sent()

  a.send(0, Uint8Array.of(1))
  b.begin(1, 100_000).fixed(new Uint8Array(100_000))
  b.abandon()
  a.send(0, Uint8Array.of(2))
  assert.deepEqual(sent(), ['0000' + '01' + '020001' + '020002'])

  a.begin(1)
  a.abandon()
  assert.deepEqual(sent(), [])
})

// ---- Pairing -------------------------------------------------------------------------------------

test('a channel is open when both have opened, whoever was first, and each hears the handshake of the other', () => {
  const clock = new TestClock()
  const [near, far] = muxPair(clock)
  const ears = [new Ear(), new Ear()]
  const id = utf8('an id')

  near.open({ protocol: 'a', id, handshake: utf8('near'), handler: ears[0] ?? new Ear() })
  far.open({ protocol: 'a', id, handshake: utf8('far'), handler: ears[1] ?? new Ear() })
  clock.run()

  assert.deepEqual(ears[0]?.lines, ['open 666172'])
  assert.deepEqual(ears[1]?.lines, ['open 6e656172'])
  assert.equal(near.channelCount, 1)
  assert.ok(near.has('a', id) && !near.has('a') && !near.has('b', id))
})

test('an opening that nobody answers for is refused, and may be made again', () => {
  const { mux, receive, sent } = scriptedMux()

  receive(OPEN_A)
  assert.deepEqual(sent(), ['000201'])

  const ear = new Ear()
  mux.pair('a', undefined, () => Boolean(mux.open({ protocol: 'a', handler: ear })))
  receive(OPEN_A)
  assert.deepEqual(sent(), [OPEN_A])
  assert.deepEqual(ear.lines, ['open'])
})

test('a hook for one id goes before the hook for all', () => {
  const { mux, receive, sent } = scriptedMux()
  const asked: string[] = []
  mux.pair('a', undefined, (id) => asked.push(`all ${id?.length ?? 'none'}`) < 0)
  mux.pair('a', Uint8Array.of(7), () => asked.push('seven') < 0)

  receive('000101016100')
  receive('00010101610107')
  receive('00010101610108')
  mux.unpair('a', Uint8Array.of(7))
  mux.unpair('a')
  receive('00010101610107')

  assert.deepEqual(asked, ['all none', 'seven', 'all 1'])
  assert.deepEqual(sent(), Array(4).fill('000201'), 'all were refused')
})

test('opening and messages in one batch are heard although our side opens in answer', () => {
  const { mux, receive } = scriptedMux()
  const ear = new Ear()
  mux.pair('a', undefined, () => Boolean(mux.open({ protocol: 'a', handler: ear })))

  receive('0000' + '00' + '0501010161' + '00' + '00' + '01' + '020001' + '020002')

  assert.deepEqual(ear.lines, ['open', '0 01', '0 02', 'end'])
})

test('what comes before our side opens later is kept in order, and handed over then', () => {
  const { mux, receive, sent, clock } = scriptedMux()
  let id: Uint8Array | undefined
  mux.pair('a', undefined, (remoteId) => {
    id = remoteId
    return true
  })

  receive('00010101610107aabb', '010001', '0102')
  assert.deepEqual(sent(), [])
  const ear = new Ear()
  mux.open({ protocol: 'a', id, handler: ear })
  receive('010003')
  clock.run()

  assert.deepEqual(id, Uint8Array.of(7))
  assert.deepEqual(ear.lines, ['open aabb', '0 01', '2', '0 03', 'end'])
})

test('an opening that a hook wants to think about is refused when it has waited too long', () => {
  const { mux, receive, sent, clock } = scriptedMux()
  mux.pair('a', undefined, () => true)

  receive(OPEN_A)
  clock.advance(4_999)
  assert.deepEqual(sent(), [])
  clock.advance(1)

  assert.deepEqual(sent(), ['000201'])
  assert.deepEqual(mux.open({ protocol: 'a', handler: new Ear() }).opened, false)
})

test('a hook that throws refuses that opening only', () => {
  const { mux, receive, sent, ended } = scriptedMux()
  mux.pair('a', undefined, () => {
    throw new Error('the disk')
  })

  receive(OPEN_A)

  assert.deepEqual(sent(), ['000201'])
  assert.equal(ended(), undefined)
})

test('a second opening of an open pair is refused, by us too', () => {
  const { mux, receive, sent } = scriptedMux()
  mux.pair('a', undefined, () => Boolean(mux.open({ protocol: 'a', handler: new Ear() })))
  receive(OPEN_A)
  sent()

  receive('000102016100')

  assert.deepEqual(sent(), ['000202'])
  assert.throws(() => mux.open({ protocol: 'a', handler: new Ear() }), { code: 'CONFLICT' })
})
