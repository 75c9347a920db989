/** From bytes to blocks and back. */

/** Where a byte lies. Reused by nobody: a fresh object. */
export type SeekResult =
  | { readonly kind: 'found'; readonly index: number; readonly offset: number }
  /** Somewhere in blocks `start .. end`; nodes that would tell are not here. */
  | { readonly kind: 'range'; readonly start: number; readonly end: number }
  /** Behind the last byte. */
  | { readonly kind: 'outside' }
