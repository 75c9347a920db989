/**
 * Ways to lie: what a peer of bad will, or with a broken disk, says in place of the truth.
 *
 * Owns: `liar`, which chooses one way for a conversation and lies now and then.
 */

import { copy } from '../../src/bytes/bytes.ts'
import { copyProof, type Message, type Tamper } from './pipe.ts'
import type { World } from './world.ts'

type Way = (world: World, message: Message) => Message | undefined

const WAYS: readonly Way[] = [
  // Other bytes in a block.
  (world, message) => {
    if (message.type !== 'data' || message.proof.value === undefined) return message
    const proof = copyProof(message.proof)
    const value = copy(message.proof.value)
    if (value.length === 0) return message
    const at = world.between(0, value.length - 1)
    value[at] = (value[at] ?? 0) ^ 1
    proof.value = value
    return { ...message, proof }
  },
  // Another block than was asked for.
  (_world, message) => {
    if (message.type !== 'data') return message
    const proof = copyProof(message.proof)
    proof.index += 1
    return { ...message, proof }
  },
  // A signature that is none.
  (_world, message) => {
    if (message.type !== 'data' || message.proof.signature === undefined) return message
    const proof = copyProof(message.proof)
    const signature = copy(message.proof.signature)
    signature[10] = (signature[10] ?? 0) ^ 1
    proof.signature = signature
    return { ...message, proof }
  },
  // Silence.
  (_world, message) => (message.type === 'data' ? undefined : message),
  // Everything is refused.
  (_world, message) =>
    message.type === 'data'
      ? { type: 'refuse', id: message.id, reason: 'unavailable', bytes: 4 }
      : message,
  // A length, or a fork, out of the blue.
  (world, message) => {
    if (message.type !== 'status') return message
    const { status } = message
    const length = world.chance(0.5) ? 2 ** 50 : status.length + world.between(1, 1_000)
    const fork = world.chance(0.2) ? status.fork + 1 : status.fork
    return { ...message, status: { ...status, length, fork, canUpgrade: true } }
  },
  // Blocks that are not there.
  (_world, message) =>
    message.type === 'have' ? { ...message, start: 0, length: 2 ** 40 } : message,
  // Acknowledgements that never fit.
  (_world, message) =>
    message.type === 'status'
      ? { ...message, status: { ...message.status, remoteLength: 7 } }
      : message,
  // Answers under other numbers.
  (_world, message) => (message.type === 'data' ? { ...message, id: message.id + 1 } : message),
]

/** One way of lying, and how often. */
export function liar(world: World): Tamper {
  const way = WAYS[world.between(0, WAYS.length - 1)]
  const part = world.chance(0.5) ? 1 : world.random()
  return (message) => (way !== undefined && world.chance(part) ? way(world, message) : message)
}
