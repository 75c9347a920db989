/** On what the figures were made. */

import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './root.ts'

export interface Machine {
  readonly node: string
  readonly system: string
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  /** Processes that wanted to run, over the last minute, when the run began. */
  readonly load: number
  /** Versions of the reference packages. */
  readonly reference: Readonly<Record<string, string>>
}

export function describeMachine(): Machine {
  const manifest: unknown = JSON.parse(
    readFileSync(join(ROOT, 'interop', 'gen3', 'package.json'), 'utf8'),
  )
  return {
    node: process.version,
    system: `${process.platform} ${process.arch} ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    load: loadavg()[0] ?? 0,
    reference: dependencies(manifest),
  }
}

function dependencies(manifest: unknown): Record<string, string> {
  if (typeof manifest !== 'object' || manifest === null || !('dependencies' in manifest)) return {}
  return Object.fromEntries(
    Object.entries(manifest.dependencies ?? {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  )
}
