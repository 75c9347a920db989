/** A manifest is news to others only together with blocks: who shows none is asked for nothing. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Proof } from '../../src/tree/proof.ts'
import type { Status } from '../../src/wire/messages.ts'
import { type Joint, join } from '../sim/pipe.ts'
import { Scene } from './fixtures.ts'

const statuses = (joint: Joint, of: (status: Status) => boolean): string[] =>
  joint.sent.flatMap((message) => {
    if (message.type !== 'status' || !of(message.status)) return []
    const { length, remoteLength, hasManifest } = message.status
    return [`${length} ${remoteLength}${hasManifest ? ' manifest' : ''}`]
  })

test('a manifest that is learnt alone is told with the first blocks that are shown, and not before', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const reader = await scene.reader(writer)
  let isFirst = true
  let learnt = 0
  reader.replica.events.on('manifest', () => {
    learnt++
    assert.equal(reader.replica.announcedLength, 0)
  })
  // Of the first answer nothing comes but the manifest.
  const joint = join(scene.world, writer.replicator, reader.replicator, {
    tamperA(message) {
      if (message.type !== 'data' || !isFirst) return message
      isFirst = false
      const bare = new Proof()
      bare.manifest = message.proof.manifest
      return { ...message, proof: bare }
    },
  })

  await scene.until(reader.replicator.range({ start: 0, end: 3 }).done())
  await scene.pass(100)

  assert.equal(learnt, 1)
  const ofReader = statuses(joint, ({ length, remoteLength }) => length === 0 && remoteLength === 3)
  assert.deepEqual(ofReader, ['0 3'], 'once, that it has heard how long the writer is')
  const shown = statuses(joint, ({ length, remoteLength }) => length === 3 && remoteLength === 3)
  assert.ok(shown.length > 0 && shown.every((told) => told === '3 3 manifest'), shown.join())
})
