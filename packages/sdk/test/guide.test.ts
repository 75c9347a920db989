/** The guide says what is so: the examples of a page run, one behind the other, over a real connection. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { sodiumCrypto } from '../src/platform/node/crypto-sodium.ts'

setCrypto(sodiumCrypto)

const IMPORT = /^import \{ ([^}]+) \} from '(@dat-rhino\/(?:core|sdk)\/[a-z0-9/-]+)'$/gm

type Run = (assert: unknown, load: (module: string) => Promise<unknown>) => Promise<void>

/** All examples of a page as one program, its imports loaded from the sources. */
async function program(page: string): Promise<{ run: Run; examples: number }> {
  const text = await readFile(new URL(`../../../docs/guide/${page}.md`, import.meta.url), 'utf8')
  const examples = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
  const source = examples.join('\n').replace(IMPORT, (_, names: string, module: string) => {
    return `const { ${names} } = await load('${module}')`
  })
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor
  return { run: new AsyncFunction('assert', 'load', source), examples: examples.length }
}

for (const page of [
  'extensions',
  'acknowledgement',
  'peer-sockets',
  'conflicts',
  'policy',
  'replication',
  'deletion',
  'many-logs',
]) {
  test(`the examples of docs/guide/${page}.md run`, async () => {
    const { run, examples } = await program(page)

    assert.ok(examples >= 3, `${examples}`)
    await run(assert, (module) => import(module))
  })
}
