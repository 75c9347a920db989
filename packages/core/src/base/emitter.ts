/**
 * A typed emitter: events are news, each carries one object, and nothing correct depends on a listener.
 *
 * Owns: the list of listeners. An emit without a listener costs one look-up and allocates nothing, so
 * hot paths may guard with `has` and skip building the event. A listener that throws does not keep the
 * others from hearing; its error is reported through `onListenerError` and never reaches the emitter's
 * caller, because a user's mistake must not stop replication.
 *
 * Node's emitter is not in browsers, and `EventTarget` wants an event object per emit.
 */

/** What is called with each event of a name. */
export type Listener<T> = (event: T) => void

/** Hears all the events that it has a method for: one object in place of a function for each name. */
export type Hearer<Events> = { [K in keyof Events]?: (event: Events[K]) => void }

/** One listener, and what it listens to; or a hearer, which has no name. */
interface Entry {
  readonly name: PropertyKey | undefined
  readonly listener: Listener<never> | undefined
  readonly hearer: { readonly [name: PropertyKey]: unknown } | undefined
}

const NONE: readonly Entry[] = []

/**
 * Events by name; `Events` maps each name to what its events carry. Of ten thousand open logs each has one with a few
 * listeners: one short list takes a quarter of the memory of a map of lists, and is searched as fast.
 */
export class Emitter<Events> {
  #entries: readonly Entry[] = NONE
  /** Hears everything before the others do: who made this, at the cost of nothing. */
  #maker: Hearer<Events> | undefined

  constructor(maker?: Hearer<Events>) {
    this.#maker = maker
  }

  /** Adds a listener; call the returned function, or abort `signal`, to remove it. */
  on<K extends keyof Events>(
    name: K,
    listener: Listener<Events[K]>,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    const { signal } = options
    if (signal?.aborted === true) return () => {}
    const entry: Entry = { name, listener, hearer: undefined }
    this.#add(entry)
    if (signal === undefined) return () => this.#remove(entry)
    const off = (): void => {
      this.#remove(entry)
      signal.removeEventListener('abort', off)
    }
    signal.addEventListener('abort', off)
    return off
  }

  /** Adds a hearer, until `unhear`. */
  hear(hearer: Hearer<Events>): void {
    this.#add({ name: undefined, listener: undefined, hearer })
  }

  /** A list of one is made as it is: a spread one has room for sixteen more. */
  #add(entry: Entry): void {
    this.#entries = this.#entries.length === 0 ? [entry] : [...this.#entries, entry]
  }

  unhear(hearer: Hearer<Events>): void {
    this.#entries = this.#entries.filter((entry) => entry.hearer !== hearer)
  }

  /** Is anybody listening? Ask before building an event on a hot path. */
  has(name: keyof Events): boolean {
    if (this.#maker?.[name] !== undefined) return true
    for (const entry of this.#entries) {
      if (entry.name === name || entry.hearer?.[name] !== undefined) return true
    }
    return false
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    if (this.#maker?.[name] !== undefined) {
      try {
        this.#maker[name](event)
      } catch (error) {
        onListenerError(error)
      }
    }
    // The list is replaced, never changed in place, so a listener may remove itself while we walk.
    for (const entry of this.#entries) {
      const { hearer } = entry
      if (hearer === undefined ? entry.name !== name : hearer[name] === undefined) continue
      try {
        if (hearer === undefined) (entry.listener as Listener<Events[K]>)(event)
        else (hearer as Hearer<Events>)[name]?.(event)
      } catch (error) {
        onListenerError(error)
      }
    }
  }

  removeAll(): void {
    this.#entries = NONE
    this.#maker = undefined
  }

  /** Takes out one entry: who was added twice is removed twice. */
  #remove(entry: Entry): void {
    if (this.#entries.includes(entry)) {
      this.#entries = this.#entries.filter((other) => other !== entry)
    }
  }
}

/** A listener's own error is the application's: it surfaces as an unhandled rejection, not here. */
function onListenerError(error: unknown): void {
  void Promise.reject(error)
}
