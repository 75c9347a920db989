/** What a test opened is closed after it, last things first. Node's own hooks run first things first. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

type Cleanup = () => unknown

const stacks = new WeakMap<TestContext, Cleanup[]>()

/** Runs `cleanup` when the test is over, before everything that was said earlier. */
export function later(t: TestContext, cleanup: Cleanup): void {
  const known = stacks.get(t)
  if (known !== undefined) {
    known.push(cleanup)
    return
  }
  const stack = [cleanup]
  stacks.set(t, stack)
  t.after(async () => {
    for (const next of stack.reverse()) await next()
  })
}

/** A new folder that is gone after the test. */
export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'dat-interop-'))
  later(t, () => rmSync(folder, { recursive: true, force: true }))
  return folder
}
