/**
 * Many short stories on a bad network. A seed that fails is named in the message, and
 * `SIM_SEED=n` tells that story again, `SIM_SEEDS=n` tells n stories, beginning with seed `SIM_FROM` (1).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Story } from './story.ts'

const only = process.env['SIM_SEED']
const count = Number(process.env['SIM_SEEDS'] ?? 60)
const from = Number(process.env['SIM_FROM'] ?? 1)
const seeds =
  only === undefined ? Array.from({ length: count }, (_, i) => from + i) : [Number(only)]

for (const generation of [3, 2, 1] as const) {
  test(`generation ${generation}: every reader ends with what the writer has, whatever happens on the way`, async () => {
    let messages = 0
    for (const seed of seeds) {
      try {
        messages += (await new Story(seed, generation).tell()).messages
      } catch (error) {
        const why = error instanceof Error ? error.message : error
        throw new Error(`SIM_SEED=${seed} fails: ${why}`, { cause: error })
      }
    }

    assert.ok(messages > seeds.length * 10, `${messages} messages are hardly a story`)
  })
}
