/**
 * Numbers and names as people read them.
 *
 * Owns: the wording of sizes, rates, durations and counts, and what makes a text from elsewhere harmless for a
 * terminal. Pure.
 */

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** Decimal units, three figures at most: `512 B`, `1.4 MB`, `23 GB`. */
export function bytes(count: number): string {
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** `3 s`, `2 min 5 s`, `1 h 12 min`; `-` while unknown. */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '-'
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `1 file`, `2 files`. */
export function count(n: number, noun: string, plural: string = `${noun}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? noun : plural}`
}

/** Those of `parts` that are not zero, as `2 added, 1 removed`; `no change` if all are. */
export function changes(parts: Readonly<Record<string, number>>): string {
  const some = Object.entries(parts).filter(([, n]) => n > 0)
  if (some.length === 0) return 'no change'
  return some.map(([name, n]) => `${n.toLocaleString('en-US')} ${name}`).join(', ')
}

/** Control characters, and the marks that turn the direction of writing or break a line without being seen. */
const UNSEEN: RegExp =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g
const UNSEEN_BUT_LINES: RegExp = new RegExp(`(?![\\t\\n])${UNSEEN.source}`, 'g')

/** Text that came from a drive or a peer as one line that does nothing to a terminal. */
export function printable(text: string): string {
  return text.replace(UNSEEN, escapeCharacter)
}

/** The same for a text of many lines: line ends and tabs stay. */
export function printableText(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(UNSEEN_BUT_LINES, escapeCharacter)
}

/** At most `max` characters, the rest cut off visibly. */
export function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
