/**
 * Logs for tests, quickly: a writer with a key of its own, and readers that know the key alone.
 *
 * `answer` carries a request from one replica to another without wire or replicator, the value included.
 */

import '../setup.ts'
import type { KeyPair } from '../../src/crypto/crypto.ts'
import { keyPair } from '../../src/crypto/keys.ts'
import type { ReplicaOptions } from '../../src/log/holders.ts'
import { type IdentityInput, logIdentity } from '../../src/log/identity.ts'
import { Log, type LogOptions } from '../../src/log/log.ts'
import type { Download, RangeRequest, Remote, WaitOptions } from '../../src/log/remote.ts'
import { Replica, type ReplicaEvents } from '../../src/log/replica.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import type { LogIdentity, Store } from '../../src/store/store.ts'
import { Proof } from '../../src/tree/proof.ts'
import { NOTHING_ASKED, type ProofRequest } from '../../src/tree/prove.ts'
import { pattern } from '../tree/model.ts'

/** The key pair number `n` of the vectors: the seed is that byte, 32 times. */
export const testKeyPair = (n = 1): KeyPair => keyPair(new Uint8Array(32).fill(n))

export async function openReplica(
  identity: IdentityInput | LogIdentity,
  options: ReplicaOptions & { store?: Store } = {},
): Promise<Replica> {
  const store = options.store ?? openMemoryStore()
  const full = 'generation' in identity ? identity : logIdentity(identity)
  return Replica.open(store, await store.create(full), options)
}

/** A log that we write: key pair 1 of the vectors, default manifest, its own memory store. */
export const openWriter = (options: ReplicaOptions & { store?: Store } = {}): Promise<Replica> =>
  openReplica({ keyPair: testKeyPair() }, options)

/** A log of which only the key is known. */
export const openReader = (
  of: { readonly key: Uint8Array },
  options: ReplicaOptions & { store?: Store } = {},
): Promise<Replica> => openReplica({ key: of.key }, options)

/** A handle on a log that we write. */
export const openLog = async (options: LogOptions & { store?: Store } = {}): Promise<Log> =>
  new Log(await openWriter(options), options)

/** Block `i` of a log whose blocks differ in content and in length; some are empty. */
export const block = (i: number): Uint8Array => pattern(i, (37 * i + 11) % 61)

/** Blocks `start .. end` of that log. */
export const blocks = (start: number, end: number): Uint8Array[] =>
  Array.from({ length: end - start }, (_, i) => block(start + i))

/** Appends, signs and syncs. */
export async function write(replica: Replica, blocks: readonly Uint8Array[]): Promise<void> {
  replica.append(blocks)
  await replica.sealed()
}

/** Everything that a replica tells, as text. */
export function listen(replica: Replica): string[] {
  const heard: string[] = []
  const names: (keyof ReplicaEvents)[] = [
    'append',
    'truncate',
    'manifest',
    'clear',
    'held',
    'announced',
    'conflict',
    'closed',
  ]
  for (const name of names) {
    replica.events.on(name, (event) => {
      heard.push([name, ...Object.values(event)].join(' '))
    })
  }
  return heard
}

export const request = (parts: Partial<ProofRequest>): ProofRequest => ({
  ...NOTHING_ASKED,
  ...parts,
})

/** The server's answer as it would come off the wire, or why there is none. */
export function answer(server: Replica, asked: Partial<ProofRequest>): Proof | string {
  const proof = new Proof()
  const refused = server.prove(request(asked), proof)
  if (refused !== undefined) return refused
  if (asked.block !== undefined && asked.block >= 0) proof.value = server.read(asked.block)
  return proof
}

/** `answer`, where one must come. */
export function proofOf(server: Replica, asked: Partial<ProofRequest>): Proof {
  const proof = answer(server, asked)
  if (typeof proof === 'string') throw new Error(`refused: ${proof}`)
  return proof
}

/** Brings a reader to the length that the server shows. */
export async function upgrade(reader: Replica, server: Replica): Promise<void> {
  const upgradeStart = reader.length
  const upgradeLength = server.announcedLength - upgradeStart
  reader.apply(proofOf(server, { fork: reader.fork, upgradeStart, upgradeLength, manifest: true }))
  await reader.commit()
}

/** Fetches one block below the reader's length. */
export async function fetchBlock(reader: Replica, server: Replica, block: number): Promise<void> {
  const nodes = reader.missingNodes(2 * block)
  reader.apply(proofOf(server, { fork: reader.fork, block, nodes }))
  await reader.commit()
}

/** A remote that answers from another replica in this process, when it is told to. */
export class FakeRemote implements Remote {
  extensionPeers = () => []
  peers = () => []
  freezing = () => {}
  remoteContiguousLength = 0
  copies = () => []
  replicated = () => Promise.resolve([])
  readonly #reader: Replica
  readonly #server: Replica
  readonly asked: string[] = []
  readonly waits: WaitOptions[] = []
  peerCount = 1
  /** While set, answers wait for it. */
  gate: Promise<void> | undefined
  cancelled = 0

  constructor(reader: Replica, server: Replica) {
    this.#reader = reader
    this.#server = server
  }

  async block(index: number, options: WaitOptions): Promise<void> {
    await this.#note(`block ${index}`, options)
    if (index >= this.#reader.length) await upgrade(this.#reader, this.#server)
    await fetchBlock(this.#reader, this.#server, index)
  }

  async update(options: WaitOptions): Promise<boolean> {
    await this.#note('update', options)
    if (this.#server.announcedLength <= this.#reader.length) return false
    await upgrade(this.#reader, this.#server)
    return true
  }

  async seek(position: number, padding: number, options: WaitOptions): Promise<void> {
    await this.#note(`seek ${position}`, options)
    const found = this.#reader.seekLocal(position, padding)
    if (found.kind !== 'range') return
    const nodes = this.#reader.missingNodes(2 * found.start)
    const seekOf = { seekBytes: position, seekPadding: padding }
    this.#reader.apply(proofOf(this.#server, { hash: 2 * found.start, nodes, ...seekOf }))
    await this.#reader.commit()
  }

  range({ start, end }: RangeRequest): Download {
    this.asked.push(`range ${start} ${end}`)
    const done = async (options: WaitOptions = {}): Promise<void> => {
      for (let i = start; i < end; i++) if (!this.#reader.has(i)) await this.block(i, options)
    }
    return { done, cancel: () => this.cancelled++ }
  }

  changed(): void {
    this.asked.push('changed')
  }

  async #note(what: string, options: WaitOptions): Promise<void> {
    this.asked.push(what)
    this.waits.push(options)
    await this.gate
  }
}

/** A writer with these blocks, and a handle of a reader that can ask it. */
export async function openPair(
  blocks: readonly Uint8Array[],
): Promise<{ server: Replica; remote: FakeRemote; log: Log }> {
  const server = await openWriter()
  await write(server, blocks)
  const replica = await openReader(server)
  const remote = new FakeRemote(replica, server)
  replica.remote = remote
  return { server, remote, log: new Log(replica) }
}
