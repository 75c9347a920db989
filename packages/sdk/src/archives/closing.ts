/**
 * Something that is closed once, by whoever comes first: its user, or the node that it belongs to.
 *
 * Owns: that promise.
 */

/** What can be closed, and tells when it was. */
export interface Ending extends AsyncDisposable {
  /** Resolves when it is closed. */
  readonly closed: Promise<void>
  close(): Promise<void>
}

/** @param end is called once */
export function closing(end: () => Promise<void>): Ending {
  let tell: () => void = () => undefined
  const closed = new Promise<void>((resolve) => {
    tell = resolve
  })
  let ending: Promise<void> | undefined
  const close = (): Promise<void> => {
    ending ??= end().finally(tell)
    return ending
  }
  return { closed, close, [Symbol.asyncDispose]: close }
}
