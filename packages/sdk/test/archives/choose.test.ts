/** What a text means: a link, or a path. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { hex } from '@dat-rhino/core/bytes/bytes'
import { linkOrPath, oldLink } from '../../src/archives/choose.ts'

const KEY = 'b13849a3122aa50ee11991d57ed0b4af707d75c90727630082c8d219d267c647'

test('a text that reads as a link is one, and anything else a path', () => {
  assert.equal(hex(linkOrPath(`dat://${KEY}/a`)?.key ?? assert.fail()), KEY)
  assert.equal(hex(linkOrPath(KEY)?.key ?? assert.fail()), KEY)
  assert.equal(linkOrPath(`./${KEY}`), undefined)
  assert.equal(linkOrPath('old-photos'), undefined)
  assert.throws(
    () => linkOrPath('dat://old-photos'),
    (error) => isCode(error, 'BAD_LINK'),
  )
})

test('a link is written as the programs of its generation do', () => {
  const key = new Uint8Array(32).fill(7)

  assert.equal(oldLink({ generation: 1, key }), `dat://${'07'.repeat(32)}`)
  assert.equal(oldLink({ generation: 2, key }), `hyper://${'07'.repeat(32)}`)
  assert.match(oldLink({ generation: 3, key }), /^hyper:\/\/[a-z0-9]{52}$/)
})
