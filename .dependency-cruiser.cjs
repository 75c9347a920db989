/**
 * The walls between the layers: the table of docs/architecture.md as data, and the few rules beside it.
 *
 * Owns: who may import whom. `npm run layers` fails on any other import. A layer named in `types` may be
 * imported for its types only: nothing of it is there when the program runs.
 */

/** Layer of core → layers that it may import, and those that it may import types of. */
const LAYERS = {
  base: { may: [], types: [] },
  bytes: { may: ['base'], types: [] },
  crypto: { may: ['bytes', 'base'], types: [] },
  tree: { may: ['crypto', 'bytes', 'base'], types: [] },
  store: { may: ['tree', 'crypto', 'bytes', 'base'], types: [] },
  log: { may: ['store', 'tree', 'crypto', 'bytes', 'base'], types: [] },
  wire: { may: ['tree', 'crypto', 'bytes', 'base'], types: ['log'] },
  sockets: { may: ['crypto', 'bytes', 'base'], types: ['wire'] },
  replicator: { may: ['log', 'tree', 'bytes', 'base'], types: ['wire'] },
  corestore: {
    may: ['replicator', 'wire', 'log', 'store', 'crypto', 'bytes', 'base'],
    types: [],
  },
  index: { may: ['log', 'crypto', 'bytes', 'base'], types: [] },
  drive: { may: ['index', 'corestore', 'log', 'crypto', 'bytes', 'base'], types: [] },
}

/** Packages → packages that they may import. */
const PACKAGES = { core: [], sdk: ['core'], cli: ['sdk', 'core'] }

const CORE = '^packages/core/src/'
const names = (list) => `(${list.join('|')})`

const layerRules = Object.entries(LAYERS).flatMap(([layer, { may, types }]) => [
  {
    name: `layer-${layer}`,
    comment: `core/${layer} may import ${[...may, ...types].join(', ') || 'nothing'}`,
    severity: 'error',
    from: { path: `${CORE}${layer}/` },
    to: { path: CORE, pathNot: `${CORE}${names([layer, ...may, ...types])}/` },
  },
  ...types.map((other) => ({
    name: `layer-${layer}-types-of-${other}`,
    comment: `core/${layer} may import types of core/${other}, not code`,
    severity: 'error',
    from: { path: `${CORE}${layer}/` },
    to: { path: `${CORE}${other}/`, dependencyTypesNot: ['type-only'] },
  })),
])

const packageRules = Object.entries(PACKAGES).map(([name, may]) => ({
  name: `package-${name}`,
  comment: `@dat-rhino/${name} may import ${may.join(', ') || 'no other package of ours'}`,
  severity: 'error',
  from: { path: `^packages/${name}/(src|bin)/` },
  to: { path: '^packages/', pathNot: `^packages/${names([name, ...may])}/` },
}))

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'tables-of-generations',
      comment:
        'what differs between generations is called through the table of a log; several signers and static logs are of 3 alone',
      severity: 'error',
      from: {
        path: CORE,
        pathNot: `${CORE}log/(generations|gen[123]|static|proposal)\\.ts$`,
      },
      to: { path: `${CORE}log/gen[123]\\.ts$` },
    },
    ...packageRules,
    {
      name: 'core-known-layers',
      comment: 'A new folder of core needs a row in the table',
      severity: 'error',
      from: { path: `${CORE}(?!${names(Object.keys(LAYERS))}/)` },
      to: {},
    },
    {
      name: 'core-no-node',
      comment: 'core runs in browsers: what is of Node lives in sdk/platform/node',
      severity: 'error',
      from: { path: CORE },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-packages-in-crypto-only',
      comment: 'Only the portable crypto provider stands on packages of others',
      severity: 'error',
      from: { path: CORE, pathNot: `${CORE}crypto/` },
      to: { dependencyTypesNot: ['local', 'localmodule', 'type-only'], path: 'node_modules' },
    },
    {
      name: 'no-cycles',
      comment: 'A cycle that runs. Types may point both ways: they are gone when the program runs',
      severity: 'error',
      from: { path: '^packages/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'The import leads nowhere',
      severity: 'error',
      from: { path: '^packages/[^/]+/(src|bin)/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'listed',
      comment: 'The package is not among the dependencies of the package that imports it',
      severity: 'error',
      from: { path: '^packages/[^/]+/(src|bin)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
  ],
  options: {
    exclude: { path: '(^|/)(dist|test)/' },
    doNotFollow: { path: 'node_modules' },
    combinedDependencies: false,
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.tests.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['dat-source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
  },
}
