/**
 * Folders of many small and of few big files: importing them, importing again unchanged, cloning.
 *
 * A clone is timed as a person sees it: from the start, with the look-up on a local DHT, until the last file is
 * written. The reference imports and writes out with its own mirror between a local drive and a hyperdrive.
 */

import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Drive } from '@dat-rhino/core/drive/drive'
import type { Durability } from '@dat-rhino/core/store/store'
import type { OpenOptions, Rhino } from '@dat-rhino/sdk'
import { outFolder, ownerFolder, storeFolder } from '../harness/folders.ts'
import { attach, openReference, openSwarm, startTestnet } from '../harness/reference.ts'
import { bytesOf, nodesOf, textOf } from '../harness/served.ts'
import { type ReferenceDrive, stock } from '../harness/stock.ts'
import type { HostPort, Row, Served, Setting, Side, Task } from '../harness/task.ts'
import { countBytes, readTree, sameTrees } from '../harness/tree.ts'

/** How one side does each of the steps. */
interface Kind {
  readonly durability: string
  /** Loads the code, before the clock starts. */
  load(): Promise<void>
  /** Brings everything of `tree` into the drive kept in `folder`. */
  import(folder: string, tree: string): Promise<void>
  /** The file's bytes in that drive. */
  reader(folder: string): Promise<(path: string) => Promise<Uint8Array | null | undefined>>
  serve(folder: string, tree: string): Promise<Served>
  clone(folder: string, served: Served | undefined, to: string): Promise<void>
}

const importing = (kind: Kind, isRepeated: boolean): Side => ({
  ...(isRepeated
    ? { prepare: (setting: Setting) => kind.import(storeFolder(setting), setting.tree) }
    : {}),
  async run(setting, meter) {
    await kind.load()
    meter.bytes = countBytes(setting.tree)
    meter.stored = meter.bytes
    await meter.measure(() => kind.import(storeFolder(setting), setting.tree))
  },
  async verify(setting) {
    const read = await kind.reader(storeFolder(setting))
    for (const { path, bytes } of readTree(setting.tree)) {
      const found = await read(path)
      if (found == null || !bytes.equals(found)) throw new Error(`${path} is not what it was.`)
    }
  },
})

const cloning = (kind: Kind): Side => ({
  prepare: (setting) => kind.import(ownerFolder(setting), setting.tree),
  serve: (setting) => kind.serve(ownerFolder(setting), setting.tree),
  async run(setting, meter) {
    await kind.load()
    meter.bytes = countBytes(setting.tree)
    meter.stored = meter.bytes
    await meter.measure(() => kind.clone(storeFolder(setting), setting.served, outFolder(setting)))
  },
  verify: async (setting) => sameTrees(setting.tree, outFolder(setting)),
})

// ---- The reference -------------------------------------------------------------------------------

const reference: Kind = {
  durability: 'write, no sync',
  async load() {
    for (const name of ['corestore', 'hyperdrive', 'localdrive', 'hyperswarm'] as const) stock(name)
  },
  async import(folder, tree) {
    const drive = await openDrive(folder)
    await new (stock('localdrive'))(tree).mirror(drive).done()
    await drive.close()
  },
  async reader(folder) {
    const drive = await openDrive(folder)
    return (path) => drive.get(path)
  },
  async serve(folder) {
    const store = await openReference(folder)
    const drive = new (stock('hyperdrive'))(store.namespace('drive'))
    await drive.ready()
    const bootstrap = await startTestnet()
    const swarm = openSwarm(bootstrap)
    swarm.on('connection', (stream) => attach(store, stream))
    await swarm.join(drive.discoveryKey, { server: true, client: false }).flushed()
    return { bootstrap, key: drive.key.toString('hex') }
  },
  async clone(folder, served, to) {
    const store = await openReference(folder)
    const drive = new (stock('hyperdrive'))(store.namespace('clone'), bytesOf(served, 'key'))
    await drive.ready()
    const swarm = openSwarm(nodesOf(served))
    swarm.on('connection', (stream) => attach(store, stream))
    swarm.join(drive.discoveryKey, { server: false, client: true })
    // Its mirror takes a drive that has not heard from anybody for an empty one.
    if (drive.core.length === 0) {
      await new Promise<void>((resolve) => drive.core.once('append', resolve))
    }
    await drive.mirror(new (stock('localdrive'))(to)).done()
    await drive.close()
  },
}

async function openDrive(folder: string): Promise<ReferenceDrive> {
  const store = await openReference(folder)
  const drive = new (stock('hyperdrive'))(store.namespace('drive'))
  await drive.ready()
  return drive
}

// ---- Ours ----------------------------------------------------------------------------------------

const ours = (durability: Durability, says: string): Kind => ({
  durability: says,
  async load() {
    await import('@dat-rhino/sdk')
  },
  async import(folder, tree) {
    await using rhino = await openRhino({ storage: folder, network: false, durability })
    const share = await rhino.share(tree, { watch: false, hidden: true })
    const { error } = await share.done({ timeoutMs: 0 })
    if (error !== undefined) throw error
    writeFileSync(join(folder, '..', 'link'), share.link)
  },
  async reader(folder) {
    const link = readFileSync(join(folder, '..', 'link'), 'utf8')
    const rhino = await openRhino({ storage: folder, network: false })
    const drive: Drive = await rhino.drive(link, { update: false })
    return (path) => drive.get(path)
  },
  async serve(folder, tree) {
    const bootstrap = await startTestnet()
    const rhino = await openRhino({ storage: folder, network: onLoopback(bootstrap), durability })
    const share = await rhino.share(tree, { hidden: true })
    await share.done({ timeoutMs: 0 })
    return { bootstrap, link: share.link }
  },
  async clone(folder, served, to) {
    const network = onLoopback(nodesOf(served))
    await using rhino = await openRhino({ storage: folder, network, durability })
    const clone = await rhino.clone(textOf(served, 'link'), to)
    const { error } = await clone.done({ timeoutMs: 0 })
    if (error !== undefined) throw error
  },
})

/** Loaded when needed, so that other tasks do not carry the network in their memory. */
async function openRhino(options: OpenOptions): Promise<Rhino> {
  const { open } = await import('@dat-rhino/sdk')
  return open(options)
}

function onLoopback(bootstrap: readonly HostPort[]): NonNullable<OpenOptions['network']> {
  return { bootstrap, host: '127.0.0.1' }
}

const unsynced = ours('none', 'write, no sync')
const usual = ours('group', 'write, synced within 50 ms')

function rows(make: (kind: Kind) => Side, goal?: number): readonly Row[] {
  const promised = goal === undefined ? {} : { goal }
  return [
    { label: '', durability: unsynced.durability, ...promised, side: make(unsynced) },
    { label: '', durability: usual.durability, side: make(usual) },
  ]
}

// ---- Yardsticks -----------------------------------------------------------------------------------

/** What the system's own tools take for the same files, without any network: how fast the disk lets anybody be. */
function yardsticks(commands: readonly (readonly string[])[]): readonly Row[] {
  return commands
    .filter(([command = '']) => spawnSync(command, ['--version']).error === undefined)
    .map(([command = '', ...options]) => ({
      label: `${command} ${options.join(' ')}, for comparison`,
      durability: 'write, no sync',
      side: {
        async run(setting, meter) {
          meter.bytes = countBytes(setting.tree)
          await meter.measure(() => {
            execFileSync(command, [...options, `${setting.tree}/`, outFolder(setting)])
          })
        },
        verify: async (setting) => sameTrees(setting.tree, outFolder(setting)),
      },
    }))
}

/** The system's copy in the place of the reference, which would take an hour. */
const copying: Side = {
  async run(setting, meter) {
    await meter.measure(() => {
      execFileSync('cp', ['-r', `${setting.tree}/`, outFolder(setting)])
    })
  },
}

const COPIERS = [
  ['cp', '-r'],
  ['rsync', '-a'],
]

const FILES = { unit: 'files', count: 0, smokeCount: 0 }
const SMALL = { ...FILES, tree: 'small' } as const
const BIG = { ...FILES, tree: 'big' } as const

export const importTree: Task = {
  ...SMALL,
  name: 'import-tree',
  title: 'import a folder of small files',
  reference: importing(reference, false),
  rows: rows((kind) => importing(kind, false), 16),
}

export const reimportTree: Task = {
  ...SMALL,
  name: 'reimport-tree',
  title: 'import it again, unchanged',
  reference: importing(reference, true),
  rows: rows((kind) => importing(kind, true), 60),
}

export const cloneTree: Task = {
  ...SMALL,
  name: 'clone-tree',
  title: 'clone small files over a local DHT, two processes',
  reference: cloning(reference),
  rows: [...rows(cloning, 10), ...yardsticks(COPIERS)],
}

export const importBig: Task = {
  ...BIG,
  name: 'import-big',
  title: 'import a folder of big files',
  reference: importing(reference, false),
  rows: rows((kind) => importing(kind, false)),
}

/** 5.2 s of the reference, and 1.5 s that are the goal. */
export const cloneBig: Task = {
  ...BIG,
  name: 'clone-big',
  title: 'clone big files over a local DHT, two processes',
  reference: cloning(reference),
  rows: [...rows(cloning, 3.5), ...yardsticks(COPIERS)],
}

/** Run by `--scale`: does memory grow with the number of files? */
export const importMillion: Task = {
  ...FILES,
  tree: 'million',
  name: 'import-million',
  title: 'import 1,000,000 files, next to `cp -r`',
  reference: copying,
  rows: [{ label: '', durability: usual.durability, side: withoutVerify(importing(usual, false)) }],
}

/** Reading a million files again would tell nothing that the smaller trees do not. */
function withoutVerify({ verify: _, ...side }: Side): Side {
  return side
}
