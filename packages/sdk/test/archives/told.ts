/**
 * What the fixtures of drives say of themselves, in one form: the files of each version by their sha256.
 */

import { expected } from '../migrate/bed.ts'

/** A drive in a fixture. */
export interface ToldDrive {
  /** What the test is named by. */
  readonly name: string
  /** The fixture's folder that is opened. */
  readonly place: string
  /** Hex. */
  readonly key: string
  readonly format: 'hyperdrive 9' | 'hyperdrive 10' | 'hyperdrive 13'
  readonly newest: number
  /** Files by version and path; `null`: it is listed, and its bytes are not in the files any more. */
  readonly filesAt: ReadonlyMap<number, ReadonlyMap<string, string | null>>
}

interface ToldTree {
  readonly key: string
  readonly version: number
  readonly filesAt: Record<string, Record<string, { readonly sha256: string | null }>>
}

/** Drives of hyperdrive 9: the folder, and where it is told what it holds. */
const TREES: readonly (readonly [string, string])[] = [
  ['gen1/beaker', 'gen1/beaker'],
  ['gen1/beaker-indexed', 'gen1/beaker-indexed'],
  ['gen1/dat-folder/share', 'gen1/dat-folder'],
  ['gen1/dat-clone/share', 'gen1/dat-clone'],
  ['gen1/sleep-multi/sleep', 'gen1/sleep-multi'],
]

function toldTree([place, name]: readonly [string, string]): ToldDrive {
  const { key, version: newest, filesAt }: ToldTree = expected(name) as never
  const versions = Object.entries(filesAt).map(([version, files]) => {
    const sums = Object.entries(files).map(([path, { sha256 }]) => [path, sha256] as const)
    return [version === 'latest' ? newest : Number(version), new Map(sums)] as const
  })
  return { name, place, key, format: 'hyperdrive 9', newest, filesAt: new Map(versions) }
}

interface ToldTrie {
  readonly A: { readonly metadataKey: string; readonly version: number }
  readonly latest: Record<string, ToldPath>
  readonly checkouts: Record<string, Record<string, ToldPath>>
}

interface ToldPath {
  readonly linkname: string | null
  readonly sha256?: string
}

/** With what is mounted in it. */
function toldTrie(): ToldDrive {
  const { A, latest, checkouts }: ToldTrie = expected('gen2/hyperdrive10') as never
  const all: Record<string, Record<string, ToldPath>> = { ...checkouts, [A.version]: latest }
  const versions = Object.entries(all).map(([version, paths]) => {
    const sums = Object.entries(paths).flatMap(([path, { linkname, sha256 }]) =>
      sha256 === undefined || linkname !== null ? [] : [[path, sha256] as const],
    )
    return [Number(version), new Map(sums)] as const
  })
  return {
    name: 'gen2/hyperdrive10',
    place: 'gen2/hyperdrive10',
    key: A.metadataKey,
    format: 'hyperdrive 10',
    newest: A.version,
    filesAt: new Map(versions),
  }
}

interface ToldBee {
  readonly key: string
  readonly version: number
  readonly files: readonly {
    readonly path: string
    readonly linkname: string | null
    readonly sha256: string | null
  }[]
}

function toldBees(): ToldDrive[] {
  const told: { readonly corestore6: { readonly drives: readonly ToldBee[] } } = expected(
    'gen3',
  ) as never
  return told.corestore6.drives.map(({ key, version, files }) => {
    const sums = files.flatMap(({ path, linkname, sha256 }) =>
      linkname === null ? [[path, sha256] as const] : [],
    )
    return {
      name: `gen3/corestore6 ${key.slice(0, 8)}`,
      place: 'gen3/corestore6',
      key,
      format: 'hyperdrive 13',
      newest: version,
      filesAt: new Map([[version, new Map(sums)]]),
    }
  })
}

/** All drives of all fixtures. */
export const DRIVES: readonly ToldDrive[] = [...TREES.map(toldTree), toldTrie(), ...toldBees()]
