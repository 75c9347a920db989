/**
 * From a version of a bee to the next one that can be read: nobody ever saw the others, which are in the middle of a batch.
 *
 * Owns: that look ahead, in slices. A batch is looked through once, whichever way its blocks are gone through: what was
 * found is kept until another batch is asked for. The newest version can always be read.
 */

import { Pace } from '../base/pace.ts'
import type { WaitOptions } from '../log/remote.ts'
import { isRoot } from './rooted.ts'
import type { Shared } from './shared.ts'

export class Readable {
  readonly #shared: Shared
  /** Versions of `#from .. #end` are shown by `#end`, in this epoch. */
  #from = 0
  #end = 0
  #epoch = -1

  constructor(shared: Shared) {
    this.#shared = shared
  }

  /** The first version from `version` on that has a tree of its own. */
  async next(version: number, options: WaitOptions): Promise<number> {
    const { blocks, clock } = this.#shared
    const { epoch } = blocks
    const pace = new Pace(clock)
    let end = version
    for (; end > 1 && end < this.#shared.version; end++) {
      if (pace.due()) await pace.turn()
      if (this.#knows(end)) break
      if (await this.#isReadable(end, options)) break
    }
    const found = this.#knows(end) ? this.#end : end
    // What was found last is kept, and grows towards the beginning when that is the way.
    if (found !== this.#end || epoch !== this.#epoch) this.#from = version
    this.#from = Math.min(this.#from, version)
    this.#end = found
    this.#epoch = epoch
    return found
  }

  #knows(version: number): boolean {
    const isNow = this.#epoch === this.#shared.blocks.epoch
    return isNow && version >= this.#from && version <= this.#end
  }

  async #isReadable(version: number, options: WaitOptions): Promise<boolean> {
    const { blocks } = this.#shared
    for (;;) {
      const answer = isRoot(blocks, version)
      if (answer !== undefined) return answer
      await blocks.fetch(options)
    }
  }
}
