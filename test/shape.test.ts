/**
 * House rules about the shape of the code, read from its syntax: what waits, how long functions are, and
 * that everything exported says what it is.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ts from 'typescript'
import { parse, place, type Source, sourcesIn, visit } from './sources.ts'

const FUNCTION_LINES_MAX = 60

const packages = sourcesIn('packages/').filter(({ path }) => path.includes('/src/'))
const core = sourcesIn('packages/core/src/')

/** Places in `sources` at which `isWrong` holds for a node. */
function find(
  sources: readonly Source[],
  isWrong: (node: ts.Node, file: ts.SourceFile) => boolean,
): string[] {
  return sources.flatMap((source) => {
    const file = parse(source)
    const found: string[] = []
    visit(file, (node) => {
      if (isWrong(node, file)) found.push(place(file, node))
    })
    return found
  })
}

test('layers that may not wait have neither promises nor async functions', () => {
  // The provider's WebAssembly is compiled once, at the start of a program.
  const exception = 'packages/core/src/crypto/portable.ts'
  const layers = ['bytes', 'crypto', 'tree', 'wire'].map((l) => `packages/core/src/${l}/`)
  const sources = sourcesIn(...layers).filter(({ path }) => path !== exception)

  const waiting = find(
    sources,
    (node) =>
      node.kind === ts.SyntaxKind.AsyncKeyword ||
      ts.isAwaitExpression(node) ||
      (ts.isTypeReferenceNode(node) && node.getText().startsWith('Promise<')) ||
      (ts.isNewExpression(node) && node.expression.getText() === 'Promise'),
  )

  assert.deepEqual(waiting, [])
})

test('core has time and chance passed in', () => {
  const clock = 'packages/core/src/base/clock.ts'
  const names =
    /^(setTimeout|setInterval|setImmediate|queueMicrotask|Date\.now|performance\.now|Math\.random)$/
  const sources = core.filter(({ path }) => path !== clock)

  const calls = find(
    sources,
    (node) =>
      (ts.isCallExpression(node) && names.test(node.expression.getText())) ||
      (ts.isNewExpression(node) && node.expression.getText() === 'Date'),
  )

  assert.deepEqual(calls, [])
})

test(`a function has at most ${FUNCTION_LINES_MAX} lines`, () => {
  const lines = (file: ts.SourceFile, node: ts.Node): number =>
    file.getLineAndCharacterOfPosition(node.end).line -
    file.getLineAndCharacterOfPosition(node.getStart(file)).line +
    1

  const long = find(
    packages,
    (node, file) =>
      ts.isFunctionLike(node) && 'body' in node && lines(file, node) > FUNCTION_LINES_MAX,
  )

  assert.deepEqual(long, [])
})

test('everything that core and sdk export says what it is', () => {
  const silent = sourcesIn('packages/core/src/', 'packages/sdk/src/').flatMap((source) => {
    const file = parse(source)
    const exported = file.statements.filter(isExported)
    const things = exported.filter(
      (s) => !ts.isInterfaceDeclaration(s) && !ts.isTypeAliasDeclaration(s),
    )
    return (
      exported
        .filter((s) => !isDocumented(file, s))
        // The first comment of a file speaks for the one thing that the file is about.
        .filter((s) => !(things.length === 1 && things[0] === s))
        .map((s) => place(file, s))
    )
  })

  assert.deepEqual(silent, [])
})

function isExported(statement: ts.Statement): boolean {
  // A list of names (`export { a }`) passes on what is documented where it stands.
  if (!ts.canHaveModifiers(statement)) return false
  const modifiers = ts.getModifiers(statement) ?? []
  return modifiers.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword)
}

/**
 * Has the statement a docstring, or stands it in a group of constants or overloads whose first has one?
 * Between the members of a group there is no empty line.
 */
function isDocumented(file: ts.SourceFile, statement: ts.Statement): boolean {
  const before = file.text.slice(statement.getFullStart(), statement.getStart(file))
  const docstrings = before.match(/\/\*\*[\s\S]*?\*\//g) ?? []
  // The first comment of a file is about the file.
  if (docstrings.length > (statement.getFullStart() === 0 ? 1 : 0)) return true
  const isGrouped = ts.isVariableStatement(statement) || ts.isFunctionDeclaration(statement)
  if (!isGrouped || /\n\s*\n/.test(before)) return false
  const previous = file.statements[file.statements.indexOf(statement) - 1]
  return previous !== undefined && previous.kind === statement.kind && isDocumented(file, previous)
}
