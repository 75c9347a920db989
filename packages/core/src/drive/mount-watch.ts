/**
 * Steps of a watcher of a hyperdrive 10, and of the drives that are mounted in it.
 *
 *   a drive grew ──▶ one step waits for each drive at most ──▶ who iterates takes it
 *        └──▶ its mounts are looked at again: new ones are watched from now on, those that are gone no more
 *
 * Owns: which drives are watched. Always true: each is watched once, at however many paths it is mounted; one that is mounted at
 * a version does not change and is not watched; one that nobody has now is watched from when it comes, and holds nobody
 * up; more than `MOUNTED_DRIVES_MAX` end it with `OVER_LIMIT`, since silence would look like no change.
 */

import { isCode } from '../base/errors.ts'
import { hex } from '../bytes/bytes.ts'
import type { Trie } from '../index/trie/trie.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { MountGraph, Place } from './mount-graph.ts'
import { drivesIn } from './mount-points.ts'
import { whyNotEntered } from './trie-listing.ts'
import type { DriveChange, MountPoint } from './types.ts'

/** Steps of one drive. */
export async function* watchAlone(
  trie: Trie,
  options: WaitOptions,
): AsyncGenerator<DriveChange, void, undefined> {
  for await (const { current, previous } of trie.watch('', options)) {
    yield { version: current.version, previousVersion: previous.version }
  }
}

/** Steps of a drive and of those mounted in it. */
export async function* watchThrough(
  graph: MountGraph,
  root: Place,
  options: WaitOptions,
): AsyncGenerator<DriveChange, void, undefined> {
  const watcher = new MountWatch(graph, options)
  try {
    watcher.begin(root)
    for (;;) {
      const step = await watcher.next()
      if (step === undefined) return
      yield step
    }
  } finally {
    await watcher.end()
  }
}

/** A drive that is watched. */
interface Watched {
  readonly place: Place
  /** Where it is mounted; `undefined` for the outermost. */
  readonly point: MountPoint | undefined
  readonly stop: AbortController
  /** Keys of the drives in it that show their newest. */
  inside: ReadonlySet<string>
}

class MountWatch {
  readonly #graph: MountGraph
  readonly #signal: AbortSignal | undefined
  readonly #watched = new Map<string, Watched>()
  readonly #running = new Set<Promise<void>>()
  /** What was not taken yet, by drive. */
  readonly #steps = new Map<string, DriveChange>()
  #root = ''
  #wake: () => void = () => {}
  #isOver = false
  #failure: unknown = undefined

  constructor(graph: MountGraph, { signal }: WaitOptions) {
    this.#graph = graph
    this.#signal = signal
    signal?.addEventListener('abort', this.#finish)
  }

  begin(root: Place): void {
    this.#root = nameOf(root)
    if (this.#signal?.aborted === true) this.#isOver = true
    else this.#add(root, undefined)
  }

  /** The next step; `undefined` when watching is over. */
  async next(): Promise<DriveChange | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      for (const [name, step] of this.#steps) {
        this.#steps.delete(name)
        return step
      }
      if (this.#isOver) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async end(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#finish)
    this.#finish()
    await Promise.all(this.#running)
  }

  readonly #finish = (): void => {
    this.#isOver = true
    for (const { stop } of this.#watched.values()) stop.abort()
    this.#wake()
  }

  #add(place: Place, point: MountPoint | undefined): void {
    const watched: Watched = { place, point, stop: new AbortController(), inside: new Set() }
    this.#watched.set(nameOf(place), watched)
    this.#run(watched, this.#follow(watched))
    this.#run(watched, this.#look(watched))
  }

  /** Failures of one drive are those of its mount, and end no other's. */
  #run({ stop }: Watched, work: Promise<void>): void {
    const running: Promise<void> = work
      .catch((error: unknown) => {
        const isItsOwn = !isCode(error, 'OVER_LIMIT') && whyNotEntered(error) !== undefined
        if (stop.signal.aborted || isCode(error, 'CLOSED') || isItsOwn) return
        this.#failure ??= error
        this.#wake()
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #follow(watched: Watched): Promise<void> {
    const { place, point, stop } = watched
    const name = nameOf(place)
    for await (const step of watchAlone(place.files.trie, { signal: stop.signal })) {
      const waiting = this.#steps.get(name)
      const { previousVersion } = waiting ?? step
      const mount = point === undefined ? {} : { mount: point }
      this.#steps.set(name, { version: step.version, previousVersion, ...mount })
      this.#wake()
      this.#run(watched, this.#look(watched))
    }
    // The outermost was closed: so are all others.
    if (name === this.#root) this.#finish()
  }

  /** Which drives are mounted in it now? */
  async #look(watched: Watched): Promise<void> {
    const { place, stop } = watched
    const options = { signal: stop.signal }
    const inside = new Map<string, MountPoint>()
    for await (const point of drivesIn(place, options)) {
      const name = hex(point.key)
      if (point.version === undefined && !inside.has(name)) inside.set(name, point)
    }
    watched.inside = new Set(inside.keys())
    for (const [name, point] of inside) {
      if (this.#isOver || this.#watched.has(name)) continue
      const found = await this.#open(place, point, options)
      if (found !== undefined && !this.#isOver && !this.#watched.has(name)) this.#add(found, point)
    }
    this.#dropUnmounted()
  }

  async #open(place: Place, point: MountPoint, options: WaitOptions): Promise<Place | undefined> {
    try {
      return await this.#graph.mounted(place, point.path.slice(place.base.length + 1), options)
    } catch (error) {
      if (isCode(error, 'OVER_LIMIT') || whyNotEntered(error) === undefined) throw error
      return undefined
    }
  }

  #dropUnmounted(): void {
    const reached = new Set([this.#root])
    for (const name of reached) {
      for (const inner of this.#watched.get(name)?.inside ?? []) reached.add(inner)
    }
    for (const [name, { stop }] of this.#watched) {
      if (reached.has(name)) continue
      stop.abort()
      this.#watched.delete(name)
      this.#steps.delete(name)
    }
  }
}

function nameOf({ files }: Place): string {
  return hex(files.log.key)
}
