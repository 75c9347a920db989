/**
 * What is on a disk in memory, as the sum of the operations that were done to it.
 *
 * Owns: the operations, what each does to names and contents, and how a write comes apart into sectors. Which of
 * them are lost in a crash is for `disk.ts` to say.
 */

const SECTOR_BYTES = 512

/** One change, or one promise that changes last. */
export type Op =
  | { readonly kind: 'create'; readonly name: string; readonly id: number }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'write'; readonly id: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly id: number; readonly size: number }
  | { readonly kind: 'punch'; readonly id: number; readonly at: number; readonly length: number }
  /** Covers the operations before `began`. */
  | { readonly kind: 'sync'; readonly id: number; readonly began: number }
  | { readonly kind: 'syncNames'; readonly began: number }

/** Content of a file that grows. */
export class Content {
  bytes = new Uint8Array(256)
  size = 0

  write(at: number, bytes: Uint8Array): void {
    const end = at + bytes.length
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.bytes.length))
      grown.set(this.bytes)
      this.bytes = grown
    }
    this.bytes.set(bytes, at)
    this.size = Math.max(this.size, end)
  }

  truncate(size: number): void {
    if (size < this.size) this.bytes.fill(0, size, this.size)
    else this.write(size, new Uint8Array(0))
    this.size = size
  }

  view(): Uint8Array {
    return this.bytes.subarray(0, this.size)
  }
}

/** Files that are rebuilt from operations. */
export class DiskImage {
  readonly #names = new Map<string, number>()
  readonly #contents = new Map<number, Content>()

  constructor(initial: ReadonlyMap<string, Uint8Array>) {
    for (const [name, bytes] of initial) {
      const content = new Content()
      content.write(0, bytes)
      this.#contents.set(this.#names.size, content)
      this.#names.set(name, this.#names.size)
    }
  }

  apply(op: Op): void {
    apply(op, this.#names, this.#contents)
  }

  makeNameless(id: number): void {
    this.#contents.set(id, new Content())
  }

  files(): Map<string, Uint8Array> {
    return filesOf(this.#names, this.#contents)
  }
}

/** Does `op` to these files. */
export function apply(op: Op, names: Map<string, number>, contents: Map<number, Content>): void {
  switch (op.kind) {
    case 'create':
      contents.set(op.id, new Content())
      names.set(op.name, op.id)
      break
    case 'rename': {
      const id = names.get(op.name)
      if (id === undefined) throw new Error(`${op.name} is not there to be renamed`)
      names.delete(op.name)
      names.set(op.to, id)
      break
    }
    case 'remove':
      if (!names.delete(op.name)) throw new Error(`${op.name} is not there to be removed`)
      break
    case 'write':
      contents.get(op.id)?.write(op.at, op.bytes)
      break
    case 'truncate':
      contents.get(op.id)?.truncate(op.size)
      break
    case 'punch':
      contents
        .get(op.id)
        ?.view()
        .fill(0, op.at, op.at + op.length)
      break
    case 'sync':
    case 'syncNames':
      break
  }
}

/** A copy of every file that has a name. */
export function filesOf(
  names: ReadonlyMap<string, number>,
  contents: ReadonlyMap<number, Content>,
): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (const [name, id] of names) {
    const content = contents.get(id)
    if (content !== undefined) files.set(name, new Uint8Array(content.view()))
  }
  return files
}

/** The parts of a write that last or get lost each by itself. */
export function* sectors(
  at: number,
  bytes: Uint8Array,
): Generator<{ at: number; bytes: Uint8Array }> {
  for (let from = at; from < at + bytes.length; ) {
    const end = Math.min((Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES, at + bytes.length)
    yield { at: from, bytes: bytes.subarray(from - at, end - at) }
    from = end
  }
}
