/**
 * A node: stores and a network behind the verbs that people use.
 *
 * Owns: which store serves which verb. With `storage`, everything lives there. Without it a folder carries its
 * own store (`DIR/.dat-rhino`), so that it can be moved, and drives, bees and logs opened by link live in memory.
 */

import type { Clock } from '@dat-rhino/core/base/clock'
import type { Drive } from '@dat-rhino/core/drive/drive'
import type { Bee } from '@dat-rhino/core/index/bee'
import type { Log } from '@dat-rhino/core/log/log'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import type { Durability } from '@dat-rhino/core/store/store'
import type { Clone } from './files/clone.ts'
import type { CloneOptions, ShareOptions } from './files/options.ts'
import type { Share } from './files/share.ts'
import type { NetworkState } from './network/network.ts'
import type { NetworkOptions } from './network/options.ts'

export interface OpenOptions {
  /** Folder of the store, or `':memory:'`. Default: see `Rhino`. */
  readonly storage?: string
  /** `false` is short for `{ offline: true }`. */
  readonly network?: NetworkOptions | false
  /** Default `group`. */
  readonly durability?: Durability
  /** Open existing stores for reading only; no lock is taken and nothing is written. Default false. */
  readonly readOnly?: boolean
  readonly clock?: Clock
}

/** How a drive, bee or log is opened by link. */
export interface ReadOptions extends WaitOptions {
  /** For encrypted ones: 32 bytes. */
  readonly encryptionKey?: Uint8Array
  /** Wait until a first peer told the newest length. Default true; local data is readable either way. */
  readonly update?: boolean
}

export interface Rhino extends AsyncDisposable {
  /** Shares `dir`; the same folder later gives the same link. Resolves when the link is known; the import goes on. */
  share(dir: string, options?: ShareOptions): Promise<Share>
  /** Clones `link` into `dir`. Resolves when the folder is ready; look for peers and download go on. */
  clone(link: string, dir: string, options?: CloneOptions): Promise<Clone>
  /** A drive by link (`dat://…`, `hyper://…`, hex, z-base-32; a `+version` gives that checkout). */
  drive(link: string, options?: ReadOptions): Promise<Drive>
  bee(link: string, options?: ReadOptions): Promise<Bee>
  log(link: string, options?: ReadOptions): Promise<Log>
  /** Peers and counters of all networks that this node has open. */
  readonly network: NetworkState
  close(): Promise<void>
}

export async function open(_options: OpenOptions = {}): Promise<Rhino> {
  throw new Error('not yet')
}
