/**
 * The packages as they would be published: `npm run pack`.
 *
 * Owns: building them anew (nothing of a file that was renamed since), the tarballs in `out/`, and the proof that
 * they work: installed from there into an empty project, the command runs, a strict TypeScript program that
 * checks our declarations too compiles, and it runs. The registry is needed for what the packages depend on.
 */

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OUT = join(ROOT, 'out')
const PACKAGES = ['core', 'sdk', 'cli']

const PROGRAM = `import { Log } from '@dat-rhino/core/log/log'
import { DatError, open } from '@dat-rhino/sdk'
import { SwarmTransport } from '@dat-rhino/sdk/network/swarm-transport'

await using node = await open({ network: false })
await using shared = await node.share('photos', { watch: false })
await shared.done()
const link: string = shared.link
const sender: (message: Uint8Array) => void = SwarmTransport.prototype.send
if (!link.startsWith('hyper://')) throw new DatError('INVARIANT', typeof Log + typeof sender)
`

const TSCONFIG = {
  compilerOptions: {
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
  },
  include: ['program.ts'],
}

function run(cwd, command, ...args) {
  const shell = process.platform === 'win32'
  const { status } = spawnSync(command, args, { cwd, shell, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`)
}

function pack() {
  for (const name of PACKAGES) {
    for (const built of ['dist', 'tsconfig.tsbuildinfo']) {
      rmSync(join(ROOT, 'packages', name, built), { recursive: true, force: true })
    }
  }
  rmSync(OUT, { recursive: true, force: true })
  mkdirSync(OUT)
  run(ROOT, 'npm', 'run', '--silent', 'build')
  for (const name of PACKAGES) {
    run(ROOT, 'npm', 'pack', '--silent', '-w', `packages/${name}`, '--pack-destination', OUT)
  }
}

/** Installs the tarballs into `folder` and uses them. */
function use(folder) {
  mkdirSync(join(folder, 'photos'))
  copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'photos', 'LICENSE'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG))
  writeFileSync(join(folder, 'program.ts'), PROGRAM)
  const tarballs = readdirSync(OUT).map((name) => join(OUT, name))
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', ...tarballs, '@types/node@20')
  run(folder, 'npx', '--no-install', 'dat', '--version')
  run(folder, process.execPath, join(ROOT, 'node_modules/typescript-native/bin/tsc'))
  run(folder, process.execPath, 'program.js')
}

pack()
const folder = mkdtempSync(join(tmpdir(), 'dat-rhino-pack-'))
try {
  use(folder)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`Packed and used: ${readdirSync(OUT).join(', ')}`)
