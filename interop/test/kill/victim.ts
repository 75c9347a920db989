/**
 * A process that will be killed: `victim ROLE`, its task over IPC, its acknowledgements back.
 *
 * Owns: doing one thing after the other and telling each only when it is acknowledged. Before the next one begins
 * the message is on its way, so that whoever kills us knows all but the last step.
 */

import { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { Log } from '@dat-rhino/core/log/log'
import { open } from '@dat-rhino/sdk'
import { openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { connectTcp } from '@dat-rhino/sdk/platform/node/tcp'
import type { Bootstrap } from '../stock.ts'
import { Plan } from './plan.ts'

/** What the parent says first; each role reads its part. */
export interface Task {
  readonly storage: string
  readonly seed: number
  readonly taken: number
  readonly port: number
  readonly key: Uint8Array
  readonly folder: string
  readonly link: string
  readonly bootstrap: readonly Bootstrap[]
}

export type Role = 'write' | 'download' | 'share' | 'clone'

/** What we say: steps taken, a block held, a file settled; `done` at the end. */
export interface Said {
  readonly taken?: number
  readonly held?: { readonly start: number; readonly length: number }
  readonly file?: string
  readonly done?: true
}

function say(said: Said): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(said, (error: Error | null) => (error === null ? resolve() : reject(error)))
  })
}

const ROLES: Readonly<Record<Role, (task: Task) => Promise<void>>> = {
  /** Takes step after step of the plan, without end. */
  async write({ storage, seed, taken }) {
    const corestore = await Corestore.open({ store: await openStorage(storage) })
    const plan = Plan.after(seed, taken)
    const logs = new Map<string, Log>()
    for (const name of plan.logs.keys()) logs.set(name, await corestore.get({ name }))
    for (;;) {
      const step = plan.step()
      const log = logs.get(step.log)
      if (step.do === 'append') await log?.append(step.blocks)
      else if (step.do === 'truncate') await log?.truncate(step.length)
      else await log?.clear(step.start, step.end)
      await say({ taken: plan.taken })
    }
  },

  /** Downloads a log from the parent, and tells what is held. */
  async download({ storage, port, key }) {
    const corestore = await Corestore.open({ store: await openStorage(storage) })
    const log = await corestore.get({ key })
    log.on('held', (held) => void say({ held }))
    corestore.connect(await connectTcp({ port }))
    await log.get(0)
    await log.update()
    await log.download({ start: 0, end: log.length }).done({ timeoutMs: 0 })
    await say({ done: true })
  },

  /** Imports a folder, and tells which files are in the drive. */
  async share({ storage, folder }) {
    const rhino = await open({ storage, network: false })
    const share = await rhino.share(folder, { watch: false })
    const events = share.events()
    const done = share.done({ timeoutMs: 0 })
    void tellFiles(events)
    await done
    await say({ done: true })
  },

  /** Clones a drive, and tells which files are written. */
  async clone({ storage, folder, link, bootstrap }) {
    const rhino = await open({ storage, network: { bootstrap, host: '127.0.0.1' } })
    const clone = await rhino.clone(link, folder)
    void tellFiles(clone.events())
    await clone.done({ timeoutMs: 0 })
    await say({ done: true })
  },
}

async function tellFiles(events: AsyncIterable<{ type: string; path?: string }>): Promise<void> {
  for await (const { type, path } of events) {
    const isSettled = type === 'file-added' || type === 'file-changed'
    if (isSettled && path !== undefined) await say({ file: path })
  }
}

const [role] = process.argv.slice(2)
process.on('disconnect', () => process.exit(1))
process.once('message', (task: Task) => {
  void ROLES[role as Role](task)
})
