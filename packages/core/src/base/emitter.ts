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

/** Events by name; `Events` maps each name to what its events carry. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Listener<never>[]>()

  /** Adds a listener; call the returned function, or abort `signal`, to remove it. */
  on<K extends keyof Events>(
    name: K,
    listener: Listener<Events[K]>,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    const { signal } = options
    if (signal?.aborted === true) return () => {}
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener])
    let added = true
    const off = (): void => {
      if (added) this.#remove(name, listener)
      added = false
      signal?.removeEventListener('abort', off)
    }
    signal?.addEventListener('abort', off)
    return off
  }

  /** Is anybody listening? Ask before building an event on a hot path. */
  has(name: keyof Events): boolean {
    return this.#listeners.has(name)
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    // The list is replaced, never changed in place, so a listener may remove itself while we walk.
    const list = this.#listeners.get(name) as Listener<Events[K]>[] | undefined
    if (list === undefined) return
    for (const listener of list) {
      try {
        listener(event)
      } catch (error) {
        onListenerError(error)
      }
    }
  }

  removeAll(): void {
    this.#listeners.clear()
  }

  /** Takes out one entry: who was added twice is removed twice. */
  #remove(name: keyof Events, listener: Listener<never>): void {
    const list = this.#listeners.get(name) ?? []
    const at = list.indexOf(listener)
    const left = list.filter((_, i) => i !== at)
    if (left.length === 0) this.#listeners.delete(name)
    else this.#listeners.set(name, left)
  }
}

/** A listener's own error is the application's: it surfaces as an unhandled rejection, not here. */
function onListenerError(error: unknown): void {
  void Promise.reject(error)
}
