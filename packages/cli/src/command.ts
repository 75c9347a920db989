/**
 * What the grammar of the command line is made of: commands, their arguments and options.
 *
 * Owns: these words and how flags are spelled. `program.ts` says with them what there is, `read-arguments.ts` reads by
 * them, `help.ts` shows them. Nothing else is loaded before it is known what was asked for: `dat --help` starts fast.
 */

/** A value that cannot be read. The message is a sentence that names the option. */
export class Wrong {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

/**
 * Makes a value of the text that was given.
 *
 * @param before what an option that may be repeated has by now
 * @returns the value, or why it is none
 */
export type ReadValue = (text: string, before: readonly string[] | undefined) => unknown

/** Does what was asked for: values of the arguments in order, then flags by name. */
export type Action = (...given: never[]) => Promise<void>

/** An argument of a command, by its place. */
export interface Argument {
  /** In `<>` if it is required, in `[]` if not. */
  readonly spelled: string
  readonly name: string
  readonly isRequired: boolean
  readonly help: string
  readonly fallback: string | undefined
}

/** An option: `-q, --quiet`, `--port <number>`, or `--no-watch`, which is `watch` and true unless it is given. */
export class Option {
  readonly flags: string
  readonly help: string
  readonly short: string | undefined
  readonly long: string
  /** As the command finds its value: `limitUp` for `--limit-up`. */
  readonly name: string
  readonly takesValue: boolean
  readonly isNegative: boolean
  #read: ReadValue = (text) => text
  #choices: readonly string[] = []
  #fallback: unknown

  constructor(flags: string, help: string) {
    const words = flags.split(/[ ,]+/)
    this.flags = flags
    this.help = help
    this.long = words.find((word) => word.startsWith('--')) ?? flags
    this.short = words.find((word) => /^-[^-]$/.test(word))
    this.takesValue = flags.includes('<')
    this.isNegative = this.long.startsWith('--no-')
    this.name = camelCase(this.long.replace(/^--(no-)?/, ''))
    if (this.isNegative) this.#fallback = true
  }

  /** How its value is read; without this it is the text. */
  reads(read: ReadValue): this {
    this.#read = read
    return this
  }

  /** Nothing else will do. */
  oneOf(choices: readonly string[]): this {
    this.#choices = choices
    return this
  }

  /** What it is where nobody gives it. */
  default(value: unknown): this {
    this.#fallback = value
    return this
  }

  get choices(): readonly string[] {
    return this.#choices
  }

  get fallback(): unknown {
    return this.#fallback
  }

  /** The value of a text, or why it is none. */
  read(text: string, before: unknown): unknown {
    if (this.#choices.length > 0 && !this.#choices.includes(text)) {
      const choices = this.#choices.join(', ')
      return new Wrong(`${this.flags} takes one of ${choices}; not "${text}".`)
    }
    return this.#read(text, Array.isArray(before) ? before : undefined)
  }
}

/** A command: something that is done, or a name above such commands. */
export class Command {
  readonly name: string
  readonly parent: Command | undefined
  readonly commands: Command[] = []
  readonly arguments: Argument[] = []
  readonly options: Option[] = []
  #about = ''
  #epilogue = ''
  #action: Action | undefined

  constructor(name: string, parent?: Command) {
    this.name = name
    this.parent = parent
  }

  /** A command below this one. */
  command(name: string): Command {
    const command = new Command(name, this)
    this.commands.push(command)
    return command
  }

  description(text: string): this {
    this.#about = text
    return this
  }

  /** What the help ends with. */
  epilogue(text: string): this {
    this.#epilogue = text
    return this
  }

  argument(spelled: string, help: string, fallback?: string): this {
    const isRequired = spelled.startsWith('<')
    this.arguments.push({ spelled, name: spelled.slice(1, -1), isRequired, help, fallback })
    return this
  }

  option(flags: string, help: string, read?: ReadValue): this {
    const option = new Option(flags, help)
    return this.addOption(read === undefined ? option : option.reads(read))
  }

  addOption(option: Option): this {
    this.options.push(option)
    return this
  }

  /** @param action gets the arguments in order, `undefined` for those that were not given, and then the flags */
  action(action: Action): this {
    this.#action = action
    return this
  }

  get about(): string {
    return this.#about
  }

  get ending(): string {
    return this.#epilogue
  }

  /** Does it. Whoever declared the arguments and options declared what the action takes. */
  run(values: readonly (string | undefined)[], flags: object): Promise<void> {
    if (this.#action === undefined) return Promise.resolve()
    return Reflect.apply(this.#action, undefined, [...values, flags])
  }
}

function camelCase(text: string): string {
  return text.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
