/**
 * Connections of hyperdht, which are those of hyperswarm, as transports.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@dat-rhino/core/base/clock'
import { isCode } from '@dat-rhino/core/base/errors'
import { UNREAD_BYTES_MAX } from '@dat-rhino/core/base/limits'
import type { TransportHandler } from '@dat-rhino/core/wire/transport'
import { type TransportPair, transportSuite } from '../../../core/test/suites/transport.ts'
import { SwarmTransport } from '../../src/network/swarm-transport.ts'
import { dhtPairs } from './dht-pair.ts'

const connectStreams = dhtPairs()

transportSuite('hyperdht', connect, {
  backPressure: 'UDX goes on receiving while nobody reads; see the tests below',
})

async function connect(): Promise<TransportPair> {
  const [near, far] = await connectStreams()
  return {
    initiator: new SwarmTransport(near, systemClock),
    responder: new SwarmTransport(far, systemClock),
    turn: () => new Promise((resolve) => setTimeout(resolve, 1)),
  }
}

function quiet(onClose: (error: Error | undefined) => void = () => undefined): TransportHandler {
  return { onMessage: () => undefined, onWritable: () => undefined, onClose }
}

test('a peer that sends into a pause what nobody asked for is cut off', async () => {
  const { initiator, responder, turn } = await connect()
  let ended: Error | undefined
  initiator.handler = quiet()
  responder.handler = quiet((error) => {
    ended = error
  })
  const chunk = new Uint8Array(65_536)

  responder.pause()
  let sentBytes = 0
  for (; ended === undefined && sentBytes < 10 * UNREAD_BYTES_MAX; sentBytes += chunk.length) {
    if (sentBytes > UNREAD_BYTES_MAX && !initiator.writable) await turn()
    initiator.send(chunk)
    if (sentBytes % (16 * chunk.length) === 0) await turn()
  }

  assert.ok(isCode(ended, 'OVER_LIMIT'), String(ended))
  initiator.close()
})

test('what an honest peer has under way when we pause is kept, however long the pause', async () => {
  const { initiator, responder, turn } = await connect()
  let gotBytes = 0
  initiator.handler = quiet()
  responder.handler = {
    ...quiet((error) => assert.fail(String(error))),
    onMessage: (message) => {
      gotBytes += message.length
    },
  }
  const chunk = new Uint8Array(65_536)

  responder.pause()
  for (let i = 0; i < 256; i++) {
    initiator.send(chunk)
    if (i % 16 === 0) await turn()
  }
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.equal(gotBytes, 0)
  responder.resume()
  while (gotBytes < 256 * chunk.length) await turn()

  responder.handler = quiet()
  initiator.close()
  responder.close()
})
