/**
 * Programs of an older generation as child processes that are asked questions, for the tests.
 *
 * Owns: the fork, the pairing of answers with questions, and the end of the child. What may be asked is said by the first
 * comment of the script.
 */

import { fork } from 'node:child_process'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { later } from './later.ts'

interface Waiting {
  resolve(value: never): void
  reject(error: Error): void
}

/** Starts `script`, a path below `interop/`; ends it with the test. */
export function asked(
  t: TestContext,
  script: string,
  args: readonly string[] = [],
): <Answer>(question: object) => Promise<Answer> {
  const child = fork(fileURLToPath(new URL(`../${script}`, import.meta.url)), args, {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, SODIUM_NATIVE: 'disable' },
  })
  const waiting = new Map<number, Waiting>()
  let ids = 0
  child.on('message', (message: { id: number; error?: string }) => {
    const { id, error, ...answer } = message
    const one = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) one?.resolve(answer as never)
    else one?.reject(new Error(error))
  })
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`It ended (${code ?? signal}).`))
    waiting.clear()
  })
  later(t, () => {
    child.kill('SIGKILL')
  })
  return (question) =>
    new Promise((resolve, reject) => {
      const id = ids++
      waiting.set(id, { resolve, reject })
      child.send({ id, ...question })
    })
}
