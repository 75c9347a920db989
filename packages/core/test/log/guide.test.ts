/** The pages about logs say what is so: their examples run, one behind the other. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

const IMPORT = /^import \{ ([^}]+) \} from '@dat-rhino\/core\/([a-z0-9/-]+)'$/gm

type Run = (assert: unknown, load: (module: string) => Promise<unknown>) => Promise<void>

/** All examples of a page as one program, its imports loaded from the sources. */
async function program(page: string): Promise<{ run: Run; examples: number }> {
  const text = await readFile(new URL(`../../../../docs/${page}.md`, import.meta.url), 'utf8')
  const examples = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
  const source = examples.join('\n').replace(IMPORT, (_, names: string, module: string) => {
    return `const { ${names.replaceAll(' as ', ': ')} } = await load('${module}')`
  })
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor
  return { run: new AsyncFunction('assert', 'load', source), examples: examples.length }
}

for (const page of ['logs', 'several-signers', 'encryption', 'generations']) {
  test(`the examples of docs/${page}.md run`, async () => {
    const { run, examples } = await program(page)

    assert.ok(examples >= 4, `${examples}`)
    await run(assert, (module) => import(`../../src/${module}.ts`))
  })
}
