/**
 * What every drive does, whatever its format: the calls that pages of the Dat web leaned on (readdir, stat, readFile,
 * history, checkout, watch, download, and writing where a format is written), through the one interface.
 *
 * Whoever runs it gives a drive with the sample: the steps of `SAMPLE` in their order, and a way to put one more file
 * into it, be it by somebody else.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { equal, fromUtf8, utf8 } from '../../src/bytes/bytes.ts'
import type { Drive } from '../../src/drive/drive.ts'

/** A drive with the sample in it. */
export interface SampleDrive {
  readonly drive: Drive
  /** Puts `/late.txt` with the text `late`. */
  more(): Promise<void>
}

/** A large file: three blocks and more in every format. */
export const BIG: Uint8Array = Uint8Array.from(
  { length: 150_000 },
  (_, i) => (i * 7 + (i >> 8)) & 0xff,
)

/** What is put into it, and deleted (without bytes), in this order. A folder is made between where there are such. */
export const SAMPLE: readonly {
  readonly path: string
  readonly bytes?: Uint8Array
  readonly executable?: boolean
}[] = [
  { path: '/hello.txt', bytes: utf8('hello') },
  { path: '/docs/readme.md', bytes: utf8('# readme\n') },
  { path: '/docs/deep/big.bin', bytes: BIG },
  { path: '/run.sh', bytes: utf8('#!/bin/sh\n'), executable: true },
  { path: '/empty.txt', bytes: new Uint8Array(0) },
  { path: '/gone.txt', bytes: utf8('gone') },
  { path: '/gone.txt' },
  { path: '/hello.txt', bytes: utf8('hello again') },
]

/** The files that are there at the end, in order of their names. */
const FILES: readonly (readonly [string, Uint8Array])[] = [
  ['/docs/deep/big.bin', BIG],
  ['/docs/readme.md', utf8('# readme\n')],
  ['/empty.txt', new Uint8Array(0)],
  ['/hello.txt', utf8('hello again')],
  ['/run.sh', utf8('#!/bin/sh\n')],
]

export function driveSuite(name: string, open: () => Promise<SampleDrive>): void {
  const sample = (
    title: string,
    body: (drive: Drive, more: () => Promise<void>) => Promise<void>,
  ) =>
    test(`${name}: ${title}`, async () => {
      const { drive, more } = await open()
      try {
        await body(drive, more)
      } finally {
        await drive.close()
      }
    })
  reading(sample)
  folders(sample)
  versions(sample)
  transfer(sample)
  writing(sample)
}

type Sample = (
  title: string,
  body: (drive: Drive, more: () => Promise<void>) => Promise<void>,
) => void

function reading(sample: Sample): void {
  sample('every file is read, whole and in part', async (drive) => {
    for (const [path, bytes] of FILES) {
      assert.ok(equal((await drive.get(path)) ?? utf8('?'), bytes), path)
      const part = await joined(drive.read(path, { start: 3, length: 70_000 }))
      assert.ok(equal(part, bytes.subarray(3, 70_003)), path)
    }
    assert.ok(
      equal(
        await joined(drive.read('/docs/deep/big.bin', { start: 149_990 })),
        BIG.subarray(149_990),
      ),
    )
  })

  sample('what is not there is known not to be there', async (drive) => {
    for (const path of ['/gone.txt', '/nowhere', '/docs/nowhere', '/hello.txt/below']) {
      assert.equal(await drive.entry(path), undefined, path)
      assert.equal(await drive.stat(path), undefined, path)
      assert.equal(await drive.get(path), undefined, path)
      assert.equal(await drive.exists(path), false, path)
      await assert.rejects(joined(drive.read(path)), (e) => isCode(e, 'NOT_FOUND'))
    }
  })

  sample('stat tells what a path is, and how large', async (drive) => {
    const kinds = { '/': 'folder', '/docs': 'folder', '/docs/deep/': 'folder', 'hello.txt': 'file' }
    for (const [path, kind] of Object.entries(kinds)) {
      assert.equal((await drive.stat(path))?.kind, kind, path)
    }
    for (const [path, bytes] of FILES) {
      const stat = await drive.stat(path)
      assert.equal(stat?.size, bytes.length, path)
      assert.equal((stat?.mode ?? 0) & 0o777, path === '/run.sh' ? 0o755 : 0o644, path)
      assert.equal(stat?.mtimeMs !== undefined, drive.abilities.stats, path)
    }
    assert.equal((await drive.entry('/run.sh'))?.executable, true)
    assert.equal((await drive.entry('/hello.txt'))?.executable, false)
  })

  sample('paths are read as people write them, and never leave the drive', async (drive) => {
    for (const path of ['hello.txt', '//hello.txt', '/docs/../hello.txt', '\\hello.txt']) {
      assert.equal(text(await drive.get(path)), 'hello again', path)
    }
    await assert.rejects(drive.get('/../hello.txt'), (e) => isCode(e, 'BAD_ARGUMENT'))
  })
}

function folders(sample: Sample): void {
  sample('a listing gives all files in order of their names', async (drive) => {
    assert.deepEqual(
      await paths(drive.list('/')),
      FILES.map(([path]) => path),
    )
    assert.deepEqual(await paths(drive.list('/docs')), ['/docs/deep/big.bin', '/docs/readme.md'])
    assert.deepEqual(await paths(drive.list('/', { ignore: ['/docs'] })), [
      '/empty.txt',
      '/hello.txt',
      '/run.sh',
    ])
    assert.deepEqual(await paths(drive.list('/docs', { recursive: false })), ['/docs/readme.md'])
    assert.deepEqual(await paths(drive.list('/nowhere')), [])
  })

  sample('a folder gives the names in it, each once', async (drive) => {
    const found: string[] = []
    for await (const { name, path, folder, entry } of drive.readdir('/')) {
      assert.equal(path, `/${name}`)
      found.push(`${name} ${folder ? 'folder' : (entry?.stat.kind ?? '?')}`)
    }

    const empty = drive.abilities.folders ? ['folder folder'] : []
    assert.deepEqual(found, [
      'docs folder',
      'empty.txt file',
      ...empty,
      'hello.txt file',
      'run.sh file',
    ])
    const inside: string[] = []
    for await (const { path } of drive.readdir('/docs')) inside.push(path)
    assert.deepEqual(inside, ['/docs/deep', '/docs/readme.md'])
  })

  sample('a folder without files is told where the format has such', async (drive) => {
    const rows = await paths(drive.list('/', { folders: true }))

    assert.equal(rows.includes('/folder'), drive.abilities.folders)
    assert.equal(
      (await drive.stat('/folder'))?.kind,
      drive.abilities.folders ? 'folder' : undefined,
    )
  })
}

function versions(sample: Sample): void {
  sample('history tells each change, and its version shows it', async (drive) => {
    const told: string[] = []
    for await (const { version, path, entry } of drive.history()) {
      if (path !== '/folder') told.push(`${entry === undefined ? 'del' : 'put'} ${path}`)
      const then = await drive.checkout(version).entry(path)
      assert.equal(then?.seq, entry?.seq, `${path} at ${version}`)
      if (entry !== undefined) assert.equal(entry.version, version)
    }

    const steps = SAMPLE.map(({ path, bytes }) => `${bytes === undefined ? 'del' : 'put'} ${path}`)
    assert.deepEqual(told, steps)
    const newest: string[] = []
    for await (const { path } of drive.history({ reverse: true, limit: 1 })) newest.push(path)
    assert.deepEqual(newest, ['/hello.txt'])
  })

  sample('an older version shows the drive as it was', async (drive) => {
    const written = await versionOf(drive, '/gone.txt')
    const old = drive.checkout(written)

    assert.equal(old.version, written)
    assert.equal(text(await old.get('/gone.txt')), 'gone')
    assert.equal(text(await old.get('/hello.txt')), 'hello')
    assert.deepEqual(await paths(old.list('/')), [
      '/docs/deep/big.bin',
      '/docs/readme.md',
      '/empty.txt',
      '/gone.txt',
      '/hello.txt',
      '/run.sh',
    ])
  })

  sample('diff tells the paths that are not the same', async (drive) => {
    const written = await versionOf(drive, '/gone.txt')

    const changes: string[] = []
    for await (const { path, left, right } of drive.diff(written)) {
      if (path !== '/folder') changes.push(`${path} ${left !== undefined} ${right !== undefined}`)
    }

    assert.deepEqual(changes, ['/gone.txt false true', '/hello.txt true true'])
    for await (const _ of drive.diff(drive.version)) assert.fail('nothing differs from itself')
  })

  sample('a watcher learns of a change, and diff of what it was', async (drive, more) => {
    const abort = new AbortController()
    const steps = drive.watch({ signal: abort.signal })[Symbol.asyncIterator]()
    const next = steps.next()

    await more()

    const { value } = await next
    assert.equal(value?.version, drive.version)
    const changed: string[] = []
    for await (const { path } of drive.diff(value?.previousVersion ?? 0)) changed.push(path)
    assert.deepEqual(changed, ['/late.txt'])
    assert.equal(text(await drive.get('/late.txt')), 'late')
    abort.abort()
    assert.equal((await steps.next()).done, true)
  })
}

function transfer(sample: Sample): void {
  sample('what is here is here, until it is cleared', async (drive) => {
    assert.equal(await drive.has('/docs'), true)
    assert.equal(await drive.has('/nowhere'), false)
    const download = drive.download('/')
    await download.done()
    const { files, filesDone, bytes, bytesDone } = download.progress
    assert.deepEqual([files, bytes], [filesDone, bytesDone])
    assert.equal(files, FILES.length)

    await drive.clear('/docs/deep')

    assert.equal(await drive.has('/docs/deep/big.bin'), false)
    assert.equal(await drive.has('/docs/readme.md'), true)
  })
}

function writing(sample: Sample): void {
  sample(
    'it is written where the format is written, and refuses where it is not',
    async (drive) => {
      const { write, links } = drive.abilities
      if (!write) {
        await assert.rejects(drive.put('/new', utf8('x')), isRefusal)
        await assert.rejects(drive.del('/hello.txt'), isRefusal)
        await assert.rejects(drive.symlink('/link', '/hello.txt'), isRefusal)
        assert.equal(text(await drive.get('/hello.txt')), 'hello again')
        assert.equal(drive.writable, false)
        return
      }
      await drive.put('/new/file', utf8('new'))
      assert.equal(await drive.del('/hello.txt'), true)
      assert.equal(await drive.del('/hello.txt'), false)
      assert.equal(text(await drive.get('/new/file')), 'new')
      assert.equal(await drive.get('/hello.txt'), undefined)
      assert.equal(links, true)
      await drive.symlink('/link', 'docs/readme.md')
      await drive.symlink('/folder-link', '/docs')
      assert.equal(text(await drive.get('/link')), '# readme\n')
      assert.equal(await drive.get('/link', { follow: false }), undefined)
      assert.equal((await drive.stat('/link', { follow: false }))?.kind, 'link')
      assert.equal((await drive.stat('/folder-link'))?.kind, 'folder')
      assert.equal(text(await drive.get('/folder-link/readme.md')), '# readme\n')
    },
  )

  sample(
    'facts of a file are kept where the format has them, and refused where not',
    async (drive) => {
      const { write, stats, metadata } = drive.abilities
      if (!write) return
      const facts = { mode: 0o640, uid: 7, gid: 8, mtimeMs: 1_500_000_000_000 }
      if (stats) {
        await drive.put('/facts', utf8('x'), facts)
        const { mode = 0, uid, gid, mtimeMs } = (await drive.stat('/facts')) ?? {}
        assert.deepEqual({ mode: mode & 0o777, uid, gid, mtimeMs }, facts)
      } else {
        for (const [name, value] of Object.entries(facts)) {
          const refused = drive.put('/facts', utf8('x'), { [name]: value })
          await assert.rejects(refused, (e) => isCode(e, 'UNSUPPORTED'), name)
        }
        assert.equal(await drive.exists('/facts'), false)
      }
      const kept = metadata === 'json' ? { of: ['any', 1, null] } : { of: utf8('bytes') }
      await drive.put('/more', utf8('x'), { metadata: kept })
      assert.deepEqual((await drive.entry('/more'))?.metadata, kept)
      if (metadata !== 'bytes') return
      const text = drive.put('/more', utf8('x'), { metadata: { of: 'text' } })
      await assert.rejects(text, (e) => isCode(e, 'BAD_ARGUMENT'))
    },
  )

  sample(
    'what a format has no way to say is UNSUPPORTED, and abilities tell before',
    async (drive) => {
      const { write, folders, mounts, tags } = drive.abilities
      const key = new Uint8Array(32).fill(7)
      const calls: readonly (readonly [boolean, () => Promise<unknown>])[] = [
        [write, () => drive.amend('/run.sh', { executable: false })],
        [write && folders, () => drive.mkdir('/made')],
        [write && folders, () => drive.rmdir('/made')],
        [write && mounts, () => drive.mount('/mounted', key)],
        [write && mounts, () => drive.unmount('/mounted')],
        [write && tags, () => drive.tag('name')],
        [write && tags, () => drive.untag('name')],
      ]
      for (const [isAble, call] of calls) {
        if (isAble) await call()
        else await assert.rejects(call(), isRefusal)
      }
      assert.equal((await drive.tags()).size, 0)
      for await (const _ of drive.mounts()) assert.fail('nothing is mounted')
    },
  )
}

/** Says what the format has not, and behind that what can be done instead. */
const isRefusal = (error: unknown): boolean =>
  isCode(error, 'UNSUPPORTED') && /: .{10}/.test(error.message)

async function versionOf(drive: Drive, path: string): Promise<number> {
  for await (const step of drive.history()) if (step.path === path) return step.version
  return assert.fail(path)
}

async function paths(entries: AsyncIterable<{ readonly path: string }>): Promise<string[]> {
  const list: string[] = []
  for await (const { path } of entries) list.push(path)
  return list
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes: number[] = []
  for await (const piece of pieces) for (const byte of piece) bytes.push(byte)
  return Uint8Array.from(bytes)
}

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && fromUtf8(bytes)
