/** How long what a peer has spoilt rests, and what is forgotten. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatError } from '../../src/base/errors.ts'
import { DISTRUST_MS, REST_MS_MIN, RESTS_MAX } from '../../src/base/limits.ts'
import { isOffence, Standing } from '../../src/corestore/standing.ts'

test('a rest is twice as long each time, up to the longest, and about one log alone', () => {
  const standing = new Standing()
  const rests: number[] = []
  let now = 0
  for (let i = 0; i < 15; i++) {
    rests.push(standing.offence('peer', 'log', now))
    now += (rests.at(-1) ?? 0) + 1
  }

  assert.deepEqual(
    rests.slice(0, 4),
    [1, 2, 4, 8].map((times) => times * REST_MS_MIN),
  )
  assert.equal(rests.at(-1), DISTRUST_MS)
  assert.equal(standing.restMs('peer', 'other', now), 0)
  assert.equal(standing.restMs('stranger', 'log', now), 0)
})

test('a rest ends when it is over, and not before', () => {
  const standing = new Standing()
  standing.offence('peer', 'log', 0)

  const left = [0, REST_MS_MIN - 1, REST_MS_MIN].map((now) => standing.restMs('peer', 'log', now))

  assert.deepEqual(left, [REST_MS_MIN, 1, 0])
  assert.deepEqual(standing.of('peer', 1), { offences: 1, resting: 1 })
  assert.deepEqual(standing.of('peer', REST_MS_MIN), { offences: 1, resting: 0 })
})

test('who has behaved for long enough begins anew', () => {
  const standing = new Standing()
  standing.offence('peer', 'log', 0)
  standing.offence('peer', 'log', 1_000)

  const rest = standing.offence('peer', 'log', 3_000 + DISTRUST_MS)

  assert.equal(rest, REST_MS_MIN)
})

test(`${RESTS_MAX} rests are remembered, and of one more the oldest is forgotten`, () => {
  const standing = new Standing()
  for (let i = 0; i < RESTS_MAX; i++) standing.offence(`peer ${i}`, '', 0)
  const below = standing.restMs('peer 0', '', 0)

  standing.offence('one more', '', 0)

  assert.equal(below, REST_MS_MIN)
  assert.equal(standing.restMs('peer 0', '', 0), 0)
  assert.equal(standing.restMs('peer 1', '', 0), REST_MS_MIN)
})

test('what a remote is not to answer for is no offence', () => {
  assert.equal(isOffence(undefined), false)
  assert.equal(isOffence(new Error('the network broke')), false)
  assert.equal(isOffence(new DatError('IO', 'a disk')), false)
  assert.equal(isOffence(new DatError('FORKED', "the owner's doing")), false)
  assert.equal(isOffence(new DatError('BAD_PROOF', 'a lie')), true)
})
