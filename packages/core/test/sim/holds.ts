/**
 * What must hold in a simulated story, whatever happens: of what is sent, and of how things end.
 *
 * Owns: these statements. They know nothing of the story.
 */

import assert from 'node:assert/strict'
import { DatError } from '../../src/base/errors.ts'
import type { Replica } from '../../src/log/replica.ts'
import type { Message } from './pipe.ts'

/** Nothing is told or sent before it is on the disk. */
export function checkDurable(
  { name, replica }: { readonly name: string; readonly replica: Replica },
  message: Message,
): void {
  if (message.type === 'have') {
    for (let i = message.start; i < message.start + message.length; i++) {
      assert.ok(replica.isDurable(i), `${name} announces block ${i}`)
    }
  } else if (message.type === 'bitfield') {
    for (let i = 0; i < message.words.length * 32; i++) {
      const isTold = ((message.words[i >>> 5] ?? 0) >>> (i & 31)) & 1
      const block = message.start + i
      if (isTold === 1) assert.ok(replica.isDurable(block), `${name} describes block ${block}`)
    }
  } else if (message.type === 'status') {
    const { length } = message.status
    assert.ok(length <= replica.announcedLength, `${name} tells length ${length}`)
  } else if (message.type === 'data' && message.proof.value !== undefined) {
    assert.ok(replica.isDurable(message.proof.index), `${name} sends block ${message.proof.index}`)
  }
}

/** A store may be full, and nothing else. */
export function assertFull(error: unknown): void {
  if (!(error instanceof DatError) || error.code !== 'STORE_FULL') throw error
}

const WAIT_ERRORS = new Set([
  ...['ABORTED', 'TIMEOUT', 'NO_PEERS', 'NOT_AVAILABLE', 'CLOSED', 'STORE_FULL'],
])

/** Every wait ends with what was asked, or with the reason why not. */
export function assertWaitError(error: unknown): void {
  if (!(error instanceof DatError) || !WAIT_ERRORS.has(error.code)) throw error
}
