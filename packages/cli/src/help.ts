/**
 * The help of a command, as text.
 *
 * Owns: its layout. Two columns, the right one wrapped to the width of the terminal; examples and notes behind them stand
 * as they were written. All of it is made from the grammar, so that it says what there is.
 */

import type { Argument, Command, Option } from './command.ts'

const WIDTH = 80
const INDENT = 2
const GAP = 2
/** A right column that is narrower than this is not wrapped. */
const COLUMN_MIN = 40

/** What is said, and what about it. */
type Line = readonly [term: string, about: string]

/** The whole help, with a line end behind it. */
export function helpText(command: Command, width: number = WIDTH): string {
  const sections: readonly (readonly [string, Line[]])[] = [
    ['Arguments:', command.arguments.map((argument) => [argument.name, aboutArgument(argument)])],
    ['Options:', [...command.options.map(optionLine), ['-h, --help', 'display help for command']]],
    ['Commands:', commandLines(command)],
  ]
  const lines = sections.flatMap(([, list]) => list)
  const termWidth = Math.max(...lines.map(([term]) => term.length))
  const shown = sections.flatMap(([heading, list]) =>
    list.length === 0
      ? []
      : ['', heading, ...list.map((line) => twoColumns(line, termWidth, width))],
  )
  const top = [`Usage: ${usage(command)}`, '', wrap(command.about, width).join('\n'), ...shown]
  return [...top, ...(command.ending === '' ? [] : [command.ending]), ''].join('\n')
}

/** `dat store rm [options] <log> [dir]`. */
function usage(command: Command): string {
  const names: string[] = []
  for (let at: Command | undefined = command; at !== undefined; at = at.parent)
    names.unshift(at.name)
  const below = command.commands.length > 0 ? ['[command]'] : []
  const spelled = command.arguments.map((argument) => argument.spelled)
  return [...names, '[options]', ...below, ...spelled].join(' ')
}

function optionLine({ flags, help, choices, fallback, takesValue }: Option): Line {
  const facts: string[] = []
  if (choices.length > 0) {
    facts.push(`choices: ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`)
  }
  if (takesValue && fallback !== undefined) facts.push(`default: ${JSON.stringify(fallback)}`)
  return [flags, facts.length === 0 ? help : `${help} (${facts.join(', ')})`]
}

function aboutArgument({ help, fallback }: Argument): string {
  return fallback === undefined ? help : `${help} (default: ${JSON.stringify(fallback)})`
}

function commandLines({ commands }: Command): Line[] {
  if (commands.length === 0) return []
  const lines = commands.map(({ name, options, arguments: list, about }): Line => {
    const flags = options.length > 0 ? ['[options]'] : []
    return [[name, ...flags, ...list.map(({ spelled }) => spelled)].join(' '), about]
  })
  return [...lines, ['help [command]', 'display help for command']]
}

function twoColumns([term, about]: Line, termWidth: number, width: number): string {
  const left = INDENT + termWidth + GAP
  const room = width - left
  const lines = room < COLUMN_MIN ? [about] : wrap(about, room)
  return `${' '.repeat(INDENT)}${term.padEnd(termWidth + GAP)}${lines.join(`\n${' '.repeat(left)}`)}`
}

/** Lines of whole words; a word that is longer has a line of its own. */
function wrap(text: string, width: number): string[] {
  if (width < COLUMN_MIN) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
