/**
 * `npm run bench`: builds, installs the reference and the test data if they are not there, and runs.
 *
 * The benchmark runs what users get: the built packages, without a loader in between.
 */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'

function run(command, args, cwd = ROOT) {
  const { status } = spawnSync(command, args, {
    cwd,
    stdio: 'inherit',
    shell: command.endsWith('.cmd'),
  })
  if (status !== 0) process.exit(status ?? 1)
}

run(process.execPath, ['node_modules/typescript-native/bin/tsc', '-b', 'bench'])
run(process.execPath, ['interop/install.mjs', 'gen3'])
if (!process.argv.includes('--smoke') && !existsSync(`${ROOT}bench/data/node_modules/openmoji`)) {
  run(npm, ['ci', '--no-audit', '--no-fund'], `${ROOT}bench/data`)
}
run(process.execPath, ['bench/dist/run.js', ...process.argv.slice(2)])
