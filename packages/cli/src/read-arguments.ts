/**
 * From the words of a command line to what was asked for.
 *
 * Owns: how options, their values and arguments are told apart, and what is said about those that do not fit. Options
 * may stand anywhere behind the command; after `--` there are none. `-lR` is `-l -R`, `-n5` and `--limit=5` give values.
 */

import { type Command, type Option, Wrong } from './command.ts'

/** What a command line asks for. */
export type Asked =
  | { readonly kind: 'run'; readonly run: () => Promise<void> }
  | { readonly kind: 'help'; readonly command: Command }
  | { readonly kind: 'version' }
  /** The name of a command is missing below this one. */
  | { readonly kind: 'nothing'; readonly command: Command }
  | { readonly kind: 'wrong'; readonly message: string }

const NEGATIVE_NUMBER = /^-(\d+|\d*\.\d+)$/

/** Reads the words behind the name of the program. Nothing is run, and nothing thrown. */
export function readArguments(program: Command, args: readonly string[]): Asked {
  return new Reading(program, args).read()
}

/** One reading, made for it and used once. */
class Reading {
  readonly #program: Command
  readonly #left: string[]
  readonly #values: string[] = []
  readonly #flags: Record<string, unknown> = {}
  #command: Command
  #optionsAreOver = false

  constructor(program: Command, args: readonly string[]) {
    this.#program = program
    this.#command = program
    this.#left = [...args]
  }

  read(): Asked {
    for (let word = this.#left.shift(); word !== undefined; word = this.#left.shift()) {
      const asked = this.#word(word)
      if (asked !== undefined) return asked
    }
    return this.#end()
  }

  /** `undefined`: go on. */
  #word(word: string): Asked | undefined {
    if (this.#optionsAreOver || !isOption(word)) return this.#plain(word)
    if (word === '--') this.#optionsAreOver = true
    else if (isHelp(word)) return { kind: 'help', command: this.#command }
    else return this.#option(word)
    return undefined
  }

  /** The name of a command, as long as there are commands below; then arguments. */
  #plain(word: string): Asked | undefined {
    const { commands } = this.#command
    if (commands.length === 0) {
      this.#values.push(word)
      return undefined
    }
    if (word === 'help') return this.#helpOf(this.#left)
    const command = commands.find(({ name }) => name === word)
    if (command === undefined) return this.#unknownCommand(word)
    this.#command = command
    return undefined
  }

  /** `help store rm` is `store rm --help`. */
  #helpOf(names: readonly string[]): Asked {
    let command = this.#command
    for (const word of names) {
      const below = command.commands.find(({ name }) => name === word)
      if (below === undefined) return this.#unknownCommand(word)
      command = below
    }
    return { kind: 'help', command }
  }

  #option(word: string): Asked | undefined {
    const [long = '', ...parts] = word.split('=')
    const isLong = word.startsWith('--')
    const option = this.#find(isLong ? long : word.slice(0, 2))
    const joined = isLong
      ? parts.length > 0
        ? parts.join('=')
        : undefined
      : word.slice(2) || undefined
    if (option === undefined || (isLong && joined !== undefined && !option.takesValue)) {
      return this.#wrong(`unknown option '${word}'${didYouMean(word, this.#longs())}`)
    }
    if (option.name === 'version') return { kind: 'version' }
    if (!option.takesValue) {
      this.#flags[option.name] = !option.isNegative
      if (joined !== undefined) this.#left.unshift(`-${joined}`)
      return undefined
    }
    const text = joined ?? this.#left.shift()
    if (text === undefined) return this.#wrong(`option '${option.flags}' argument missing`)
    const value = option.read(text, this.#flags[option.name])
    if (value instanceof Wrong) return { kind: 'wrong', message: value.message }
    this.#flags[option.name] = value
    return undefined
  }

  /** Of the command, or of the program. */
  #find(flag: string): Option | undefined {
    const options = [...this.#command.options, ...this.#program.options]
    return options.find(({ short, long }) => flag === short || flag === long)
  }

  #longs(): string[] {
    const options = [...this.#command.options, ...this.#program.options]
    return ['--help', ...options.map(({ long }) => long)]
  }

  #end(): Asked {
    const command = this.#command
    const values = this.#values
    if (command.commands.length > 0) return { kind: 'nothing', command }
    const missing = command.arguments.find(({ isRequired }, i) => isRequired && i >= values.length)
    if (missing !== undefined) return this.#wrong(`missing required argument '${missing.name}'`)
    const most = command.arguments.length
    if (values.length > most) {
      const expected = `${most} argument${most === 1 ? '' : 's'}`
      return this.#wrong(
        `too many arguments for '${command.name}'. Expected ${expected} but got ${values.length}.`,
      )
    }
    const given = command.arguments.map(({ fallback }, i) => values[i] ?? fallback)
    const flags = { ...fallbacks(command.options), ...this.#flags }
    return { kind: 'run', run: () => command.run(given, flags) }
  }

  #unknownCommand(word: string): Asked {
    const names = this.#command.commands.map(({ name }) => name)
    return this.#wrong(`unknown command '${word}'${didYouMean(word, names)}`)
  }

  /** Whoever asks for help as well gets help. */
  #wrong(message: string): Asked {
    if (!this.#optionsAreOver && this.#left.some(isHelp)) {
      return { kind: 'help', command: this.#command }
    }
    return { kind: 'wrong', message: sentence(message) }
  }
}

function isOption(word: string): boolean {
  return word.length > 1 && word.startsWith('-') && !NEGATIVE_NUMBER.test(word)
}

function isHelp(word: string): boolean {
  return word === '-h' || word === '--help'
}

function fallbacks(options: readonly Option[]): Record<string, unknown> {
  const known = options.filter(({ fallback }) => fallback !== undefined)
  return Object.fromEntries(known.map(({ name, fallback }) => [name, fallback]))
}

function sentence(text: string): string {
  const ended = /[.?!)]$/.test(text) ? text : `${text}.`
  return ended.charAt(0).toUpperCase() + ended.slice(1)
}

// ---- What was meant ------------------------------------------------------------------------------

/** Letters that may be wrong, and the part of a word that they may be. */
const EDITS_MAX = 3
const WRONG_SHARE_MAX = 0.6

/** What a word may have been meant to be, in brackets; or nothing. */
function didYouMean(word: string, names: readonly string[]): string {
  const bare = (text: string): string => text.replace(/^--/, '')
  const near = [...new Set(names)].flatMap((name) => {
    const edits = editsBetween(bare(word), bare(name))
    const share = edits / Math.max(bare(word).length, bare(name).length)
    return edits <= EDITS_MAX && share < WRONG_SHARE_MAX ? [{ name, edits }] : []
  })
  const fewest = Math.min(...near.map(({ edits }) => edits))
  const best = near.filter(({ edits }) => edits === fewest).map(({ name }) => name)
  if (best.length === 0) return ''
  return ` (Did you mean ${best.length > 1 ? 'one of ' : ''}${best.sort().join(', ')}?)`
}

/** Letters to be put in, taken out, changed, or swapped with the next. */
function editsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(at(i - 1, j) + 1, (row[j - 1] ?? 0) + 1, at(i - 1, j - 1) + change)
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwapped) least = Math.min(least, at(i - 2, j - 2) + 1)
      row.push(least)
    }
  }
  return at(a.length, b.length)
}
