/**
 * Installs the reference packages: `node interop/install.mjs [gen3 …]`.
 *
 * Each generation has its own lockfile and its own node_modules, because the old ones do not survive
 * sharing one. Nothing is done for a generation whose lockfile was installed already, so this can stand in
 * front of every test run. Install scripts stay off: all native parts come as prebuilt binaries.
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const wanted =
  process.argv.length > 2 ? process.argv.slice(2) : ['gen3', 'gen2', 'gen2-early', 'gen1']
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'

for (const generation of wanted) {
  const folder = fileURLToPath(new URL(`./${generation}/`, import.meta.url))
  const stamp = `${folder}node_modules/.installed`
  const lock = createHash('sha256')
    .update(readFileSync(`${folder}package-lock.json`))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) continue

  const { status } = spawnSync(npm, ['ci', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
  writeFileSync(stamp, lock)
}
