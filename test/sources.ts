/**
 * The project's own files, for the tests that read them.
 *
 * Owns: the walk (no `node_modules`, no built or generated folder, no data of others) and the removal of
 * comments and strings, so that a rule about code does not stumble over a sentence about it.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export interface Source {
  /** From the root of the project, with slashes. */
  readonly path: string
  readonly text: string
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SKIPPED = new Set(['node_modules', '.git', 'dist', 'vectors', 'fixtures', 'out'])
const GENERATED = /^(docs\/api\/|(.*\/)?package-lock\.json$)/
const CODE = new Set(['.ts', '.mjs', '.js', '.cjs'])

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (SKIPPED.has(entry.name)) return []
    if (entry.isDirectory()) return walk(path)
    return entry.isFile() && !entry.name.endsWith('.tsbuildinfo') ? [path] : []
  })
}

/** Every text file that is ours. */
export const FILES: readonly Source[] = walk(ROOT)
  .map((path) => ({ path: relative(ROOT, path).split(sep).join('/'), file: path }))
  .filter(({ path }) => !GENERATED.test(path))
  .map(({ path, file }) => ({ path, text: readFileSync(file, 'utf8') }))

/** Every program file that is ours, tests and scripts included. */
export const SOURCES: readonly Source[] = FILES.filter(({ path }) => CODE.has(extname(path)))

/** The sources of one package or layer, by the beginning of their path. */
export function sourcesIn(...prefixes: string[]): Source[] {
  return SOURCES.filter(({ path }) => prefixes.some((prefix) => path.startsWith(prefix)))
}

/** The text with comments blanked and strings emptied; lines stay where they are. */
export function code(source: Source): Source {
  const file = parse(source)
  const chars = Array.from({ length: source.text.length }, (_, i) => source.text[i] ?? '')
  const blank = (start: number, end: number): void => {
    for (let i = start; i < end; i++) if (chars[i] !== '\n') chars[i] = ' '
  }
  const seeComments = (node: ts.Node): void => {
    for (const { pos, end } of commentsAt(source.text, node)) blank(pos, end)
    if (isText(node)) blank(node.getStart(file) + 1, node.end - 1)
    for (const child of node.getChildren(file)) seeComments(child)
  }
  seeComments(file)
  return { path: source.path, text: chars.join('') }
}

function commentsAt(text: string, node: ts.Node): ts.CommentRange[] {
  return [
    ...(ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []),
    ...(ts.getTrailingCommentRanges(text, node.end) ?? []),
  ]
}

function isText(node: ts.Node): boolean {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isRegularExpressionLiteral(node) ||
    node.kind === ts.SyntaxKind.TemplateHead ||
    node.kind === ts.SyntaxKind.TemplateMiddle ||
    node.kind === ts.SyntaxKind.TemplateTail
  )
}

/** Parses without types. `setParentNodes` is on, so that nodes can be asked where they stand. */
export function parse({ path, text }: Source): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
}

/** Walks all nodes below and including `node`. */
export function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  ts.forEachChild(node, (child) => visit(child, see))
}

/** Where a node stands, for messages: `path:line`. */
export function place(file: ts.SourceFile, node: ts.Node): string {
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`
}
