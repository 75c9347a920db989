/**
 * Peers for replicator tests: a writer with numbered blocks, readers, and the simulated time they share.
 *
 * Owns: `Scene`, which a test makes anew. What a test waits for, it waits for in simulated time.
 */

import type { Log } from '../../src/log/log.ts'
import type { Replica } from '../../src/log/replica.ts'
import { Replicator, type ReplicatorOptions } from '../../src/replicator/replicator.ts'
import type { Store } from '../../src/store/store.ts'
import { openReader, openWriter } from '../log/support.ts'
import { World } from '../sim/world.ts'

export interface Party {
  readonly replica: Replica
  readonly replicator: Replicator
}

export const block = (i: number): Uint8Array => new TextEncoder().encode(`block ${i}`)
export const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
export const numbered = (from: number, to: number): Uint8Array[] =>
  Array.from({ length: to - from }, (_, i) => block(from + i))

export class Scene {
  readonly world: World

  constructor(seed = 1) {
    this.world = new World(seed)
  }

  /** A log of `count` numbered blocks that is written here. */
  async writer(count: number, options: { store?: Store } = {}): Promise<Party> {
    const replica = await openWriter(options)
    if (count > 0) {
      replica.append(numbered(0, count))
      await replica.sealed()
    }
    return this.party(replica)
  }

  async reader(
    of: Party,
    options: { store?: Store } & Partial<ReplicatorOptions> = {},
  ): Promise<Party> {
    return this.party(await openReader(of.replica, options), options)
  }

  party(replica: Replica, options: Partial<ReplicatorOptions> = {}): Party {
    const { world } = this
    return {
      replica,
      replicator: new Replicator(replica, { clock: world, random: world.random, ...options }),
    }
  }

  /** Lets simulated time pass until the promise is settled, `limitMs` at most. */
  async until<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let isOver = false
    const over = (): void => {
      isOver = true
    }
    promise.then(over, over)
    await this.world.run(limitMs, () => isOver)
    if (!isOver) throw new Error(`Nothing came of it in ${limitMs} simulated ms.`)
    return promise
  }

  pass(ms: number): Promise<void> {
    return this.world.run(ms)
  }
}

/** The code of the error that a promise ends with. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  )
}

export async function append(
  party: Pick<Party, 'replica'> | Log,
  blocks: readonly Uint8Array[],
): Promise<void> {
  const { replica } = party
  replica.append(blocks)
  await replica.commit()
}
