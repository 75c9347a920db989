/**
 * What the decoders of a log's messages take and refuse: sizes, claims, and any bytes.
 */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatError } from '../../src/base/errors.ts'
import {
  BITFIELD_BYTES_MAX,
  BLOCK_BYTES_MAX,
  EXTENSION_BYTES_MAX,
  EXTENSION_NAME_BYTES_MAX,
  MANIFEST_BYTES_MAX,
  MANIFEST_SIGNERS_MAX,
  NODES_PER_LIST_MAX,
  SIGNATURE_BYTES_MAX,
} from '../../src/base/limits.ts'
import { Reader, Writer } from '../../src/bytes/cursor.ts'
import type { NodeSet } from '../../src/tree/nodes.ts'
import { CLAIM_BLOCK, type Proof } from '../../src/tree/proof.ts'
import { readData } from '../../src/wire/gen3-data.ts'
import { Decoded, INCOMING } from '../../src/wire/gen3-incoming.ts'
import { BITFIELD, DATA, EXTENSION, RANGE, REQUEST, WANT } from '../../src/wire/gen3-messages.ts'

/** Decodes what `write` writes as a message of `type`; the code of the error, or what was decoded. */
function decode(type: number, write: (into: Writer) => void): Decoded | string {
  const body = new Writer()
  write(body)
  const decoded = new Decoded()
  try {
    INCOMING[type]?.decode(new Reader(body.view()), decoded)
    return decoded
  } catch (error) {
    assert.ok(error instanceof DatError, String(error))
    return error.code
  }
}

function isTaken(result: Decoded | string): boolean {
  return typeof result !== 'string'
}

function uints(into: Writer, ...values: readonly number[]): void {
  for (const value of values) into.uint(value)
}

/** Flags, id and fork of a Data. */
function beginData(into: Writer, flags: number): void {
  uints(into, flags, 1, 0)
}

function nodes(into: Writer, count: number): void {
  into.uint(count)
  for (let i = 0; i < count; i++) {
    uints(into, i, i)
    into.skip(32)
  }
}

// ---- One below, one above ------------------------------------------------------------------------

const SIZED: {
  name: string
  max: number
  type: number
  write: (into: Writer, size: number) => void
}[] = [
  {
    name: 'a block',
    max: BLOCK_BYTES_MAX,
    type: DATA,
    write(into, size) {
      beginData(into, 1)
      uints(into, 0, size)
      into.skip(size)
      nodes(into, 0)
    },
  },
  {
    name: 'a list of nodes',
    max: NODES_PER_LIST_MAX,
    type: DATA,
    write(into, size) {
      beginData(into, 2)
      into.uint(0)
      nodes(into, size)
    },
  },
  {
    name: 'a signature',
    max: SIGNATURE_BYTES_MAX,
    type: DATA,
    write(into, size) {
      beginData(into, 8)
      uints(into, 0, 1, 0, 0, size)
      into.skip(size)
    },
  },
  {
    name: 'the number of signers',
    max: MANIFEST_SIGNERS_MAX,
    type: DATA,
    write(into, size) {
      beginData(into, 16)
      uints(into, 1, 0, 0, 1, size)
      into.skip(size * 65)
    },
  },
  {
    name: 'a manifest',
    max: MANIFEST_BYTES_MAX,
    type: DATA,
    write(into, size) {
      beginData(into, 16)
      // Version 2 with user data: 5 bytes of numbers, 3 or 5 of a length.
      uints(into, 2, 8, 0, 1, 0)
      const lengthBytes = size - 8 > 65_535 ? 5 : 3
      into.uint(size - 5 - lengthBytes)
      into.skip(size - 5 - lengthBytes)
    },
  },
  {
    name: 'a bitfield',
    max: BITFIELD_BYTES_MAX / 4,
    type: BITFIELD,
    write(into, size) {
      uints(into, 0, size)
      into.skip(size * 4)
    },
  },
  {
    name: 'the name of an extension',
    max: EXTENSION_NAME_BYTES_MAX,
    type: EXTENSION,
    write: (into, size) => into.string('x'.repeat(size)),
  },
  {
    name: 'an extension message',
    max: EXTENSION_BYTES_MAX,
    type: EXTENSION,
    write(into, size) {
      into.string('x')
      into.skip(size)
    },
  },
]

for (const { name, max, type, write } of SIZED) {
  test(`${name} of ${max} is taken, and of ${max + 1} is over the limit`, () => {
    assert.ok(isTaken(decode(type, (into) => write(into, max))), 'taken')
    assert.equal(
      decode(type, (into) => write(into, max + 1)),
      'OVER_LIMIT',
    )
  })
}

test('a range that ends at 2^53 - 1 is taken, and one that ends behind it is over the limit', () => {
  const start = Number.MAX_SAFE_INTEGER - 10
  const ranges: [number, (into: Writer, length: number) => void][] = [
    [RANGE, (into, length) => uints(into, 0, start, length)],
    [WANT, (into, length) => uints(into, start, length)],
    [REQUEST, (into, length) => uints(into, 8, 1, 0, start, length)],
    [
      DATA,
      (into, length) => {
        beginData(into, 8)
        uints(into, start, length, 0, 0, 0)
      },
    ],
  ]
  for (const [type, write] of ranges) {
    assert.ok(isTaken(decode(type, (into) => write(into, 10))), `type ${type}`)
    assert.equal(
      decode(type, (into) => write(into, 11)),
      'OVER_LIMIT',
    )
  }
})

// ---- Claims --------------------------------------------------------------------------------------

test('a claimed length or count costs nothing when the bytes are not there', () => {
  const claims: [number, (into: Writer, claim: number) => void][] = [
    [DATA, (into, claim) => uints(into, 1, 1, 0, 0, claim)],
    [DATA, (into, claim) => uints(into, 2, 1, 0, 0, claim)],
    [DATA, (into, claim) => uints(into, 8, 1, 0, 0, 1, 0, 0, claim)],
    [DATA, (into, claim) => uints(into, 16, 1, 0, 2, 8, 0, 0, 0, claim)],
    [DATA, (into, claim) => uints(into, 16, 1, 0, 2, 4, 0, 0, 0, claim)],
    [BITFIELD, (into, claim) => uints(into, 0, claim)],
    [EXTENSION, (into, claim) => into.uint(claim)],
  ]
  const before = process.memoryUsage().arrayBuffers

  for (const [type, write] of claims) {
    for (const claim of [100, 10_000_000, Number.MAX_SAFE_INTEGER]) {
      const code = decode(type, (into) => write(into, claim))
      assert.ok(code === 'BAD_FRAME' || code === 'OVER_LIMIT', String(code))
    }
  }

  const grownBytes = process.memoryUsage().arrayBuffers - before
  assert.ok(grownBytes < 1_000_000, `${grownBytes} bytes more`)
})

test('a manifest ends where it ends, and what follows is not part of it', () => {
  const manifests: ((into: Writer) => void)[] = [
    // Version 0: fixed content, one signer, several signers.
    (into) => {
      uints(into, 0, 0, 0)
      into.skip(32)
    },
    (into) => {
      uints(into, 0, 0, 1)
      into.skip(65)
    },
    (into) => {
      uints(into, 0, 0, 2, 1, 2, 2)
      into.skip(130)
    },
    // Versions 1 to 3: with everything, and with nothing.
    (into) => {
      uints(into, 1, 0, 0, 1, 1)
      into.skip(65)
    },
    (into) => {
      uints(into, 3, 1 | 2 | 4 | 8, 0, 1, 0)
      into.skip(32)
      uints(into, 300, 2)
      into.skip(64)
      into.buffer(new Uint8Array(9))
    },
  ]
  for (const write of manifests) {
    const manifest = new Writer()
    write(manifest)
    const decoded = decode(DATA, (into) => {
      beginData(into, 16)
      into.fixed(manifest.view())
      into.fixed(Uint8Array.of(1, 2, 3))
    })
    assert.ok(typeof decoded !== 'string', String(decoded))
    assert.deepEqual(decoded.proof.manifest, manifest.view())
  }
})

test('a manifest of an unknown version is carried whole, for the log to judge', () => {
  const decoded = decode(DATA, (into) => {
    beginData(into, 16)
    into.fixed(Uint8Array.of(9, 1, 2, 3, 4))
  })

  assert.ok(typeof decoded !== 'string', String(decoded))
  assert.deepEqual(decoded.proof.manifest, Uint8Array.of(9, 1, 2, 3, 4))
})

test('nothing of one Data is left in the next', () => {
  const decoded = new Decoded()
  const full = new Writer()
  beginData(full, 1 | 4 | 8 | 16)
  uints(full, 5, 3)
  full.skip(3)
  nodes(full, 2)
  full.uint(77)
  nodes(full, 1)
  uints(full, 0, 9)
  nodes(full, 3)
  nodes(full, 1)
  full.buffer(new Uint8Array(64))
  uints(full, 1, 0, 0, 1, 0)
  const empty = new Writer()
  beginData(empty, 0)

  INCOMING[DATA]?.decode(new Reader(full.view()), decoded)
  const counts = (proof: Proof): number[] =>
    [proof.nodes, proof.seekNodes, proof.upgradeNodes, proof.additionalNodes].map((n) => n.length)
  assert.deepEqual(counts(decoded.proof), [2, 1, 3, 1])
  INCOMING[DATA]?.decode(new Reader(empty.view()), decoded)

  const { proof } = decoded
  assert.deepEqual(counts(proof), [0, 0, 0, 0])
  assert.deepEqual(
    [proof.claim, proof.value, proof.seekBytes, proof.hasUpgrade, proof.signature, proof.manifest],
    [0, undefined, -1, false, undefined, undefined],
  )
})

// ---- Any bytes -----------------------------------------------------------------------------------

function isWithin(view: Uint8Array | undefined, bytes: Uint8Array): boolean {
  if (view === undefined || view.length === 0) return true
  return (
    view.buffer === bytes.buffer &&
    view.byteOffset >= bytes.byteOffset &&
    view.byteOffset + view.length <= bytes.byteOffset + bytes.length
  )
}

test('any body of any type gives a message within its bytes, or a typed error', () => {
  const decoded = new Decoded()
  const uint = fc.oneof(fc.nat(20), fc.nat(70_000), fc.maxSafeNat()).map((value) => {
    const into = new Writer()
    into.uint(value)
    return into.take()
  })
  const piece = fc.oneof(uint, uint, fc.uint8Array({ maxLength: 40 }))
  const body = fc.array(piece, { maxLength: 20 })

  fc.assert(
    fc.property(fc.nat(INCOMING.length - 1), body, (type, pieces) => {
      // A body stands in a frame: what is before and behind it must not be read.
      const frame = new Writer()
      frame.fixed(new Uint8Array(5).fill(0xfe))
      for (const bytes of pieces) frame.fixed(bytes)
      const end = frame.at
      frame.fixed(new Uint8Array(60).fill(1))
      const bytes = frame.view()
      const reader = new Reader(bytes, 5, end)
      try {
        INCOMING[type]?.decode(reader, decoded)
      } catch (error) {
        assert.ok(error instanceof DatError, String(error))
        assert.ok(['BAD_FRAME', 'OVER_LIMIT'].includes(error.code), error.code)
        return
      }
      assert.ok(reader.at <= end, 'nothing behind the body was read')
      if (type === DATA) {
        const { proof } = decoded
        const inner = bytes.subarray(5, end)
        for (const view of [proof.value, proof.signature, proof.manifest]) {
          assert.ok(isWithin(view, inner), 'views lie in the body')
        }
        const claimed = proof.nodes.length + proof.seekNodes.length + proof.upgradeNodes.length
        assert.ok(claimed * 34 <= inner.length, 'nodes were there')
      }
      if (type === BITFIELD) {
        assert.ok(decoded.bitfield.words.length * 4 <= end, 'words were there')
      }
    }),
    { numRuns: 3_000 },
  )
})

test('a Data that claims a block and a hash is a Data of the block', () => {
  const decoded = decode(DATA, (into) => {
    beginData(into, 1 | 2)
    uints(into, 5, 1)
    into.u8(9)
    nodes(into, 1)
    into.uint(10)
    nodes(into, 2)
  })

  assert.ok(typeof decoded !== 'string', String(decoded))
  const { proof } = decoded
  assert.deepEqual([proof.claim, proof.index, proof.nodes.length], [CLAIM_BLOCK, 5, 1])
})

test('node hashes, indices and sizes come out as they went in', () => {
  const into = new Writer()
  beginData(into, 2)
  into.uint(3)
  into.uint(2)
  for (const [index, size, byte] of [
    [3, 70_000, 7],
    [Number.MAX_SAFE_INTEGER, 0, 8],
  ] as const) {
    uints(into, index, size)
    into.fixed(new Uint8Array(32).fill(byte))
  }
  const { proof } = new Decoded()
  assert.equal(readData(new Reader(into.view()), proof), 1)

  const listed = (set: NodeSet): unknown[] =>
    Array.from({ length: set.length }, (_, i) => set.at(i))
  assert.deepEqual(listed(proof.nodes), [
    { index: 3, size: 70_000, hash: new Uint8Array(32).fill(7) },
    { index: Number.MAX_SAFE_INTEGER, size: 0, hash: new Uint8Array(32).fill(8) },
  ])
})
