/**
 * Everything that must be true before a change is good: `npm test`, or `npm test -- core lint` for a part.
 *
 * Owns: the list of steps and their order, cheapest first. On a fresh clone it installs what it needs, so
 * it uses nothing but Node itself. All steps run even if one fails; the last lines say which failed. All
 * tests of a package run in one process (`run-tests.mjs`): starting processes costs more than the tests.
 */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** A step that hangs is ended and has failed: a test left something open. */
const STEP_MS_MAX = 20 * 60_000

const node = (...args) => ({ command: process.execPath, args })
const npm = (...args) => ({ command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args })
const tests = (folder) =>
  node(
    '--conditions=dat-source',
    '--import=tsx',
    '--test-reporter=spec',
    'scripts/run-tests.mjs',
    folder,
  )

/** Name → commands, one after the other. */
const STEPS = {
  types: [npm('run', '--silent', 'build')],
  lint: [npm('run', '--silent', 'lint')],
  layers: [npm('run', '--silent', 'layers')],
  tidy: [tests('test')],
  core: [tests('packages/core/test')],
  sdk: [tests('packages/sdk/test')],
  cli: [tests('packages/cli/test')],
  interop: [node('interop/install.mjs'), tests('interop/test')],
  bench: [node('bench/main.mjs', '--smoke')],
}

/** Runs one command with our terminal; resolves with whether it succeeded. */
function run({ command, args }) {
  return new Promise((resolve) => {
    const shell = command.endsWith('.cmd')
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', shell })
    const timer = setTimeout(() => {
      console.error(`Not finished after ${STEP_MS_MAX / 60_000} minutes; ended.`)
      child.kill('SIGKILL')
    }, STEP_MS_MAX)
    const end = (ok) => {
      clearTimeout(timer)
      resolve(ok)
    }
    child.on('error', () => end(false))
    child.on('exit', (code) => end(code === 0))
  })
}

async function runStep(name) {
  console.log(`\n── ${name} ${'─'.repeat(70 - name.length)}`)
  const start = performance.now()
  for (const command of STEPS[name]) {
    if (!(await run(command))) return { name, ok: false, ms: performance.now() - start }
  }
  return { name, ok: true, ms: performance.now() - start }
}

async function main(wanted) {
  const unknown = wanted.filter((name) => !(name in STEPS))
  if (unknown.length > 0) {
    console.error(`No step ${unknown.join(', ')}. Steps: ${Object.keys(STEPS).join(' ')}`)
    return 2
  }
  if (!existsSync(`${ROOT}node_modules/.package-lock.json`)) {
    if (!(await run(npm('ci', '--no-audit', '--no-fund')))) return 1
  }
  const results = []
  for (const name of wanted.length > 0 ? wanted : Object.keys(STEPS)) {
    results.push(await runStep(name))
  }
  console.log()
  for (const { name, ok, ms } of results) {
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${(ms / 1000).toFixed(1)} s`)
  }
  return results.every(({ ok }) => ok) ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
