/**
 * From staged to lasting to shown: what becomes of the changes of one log.
 *
 *   staged ──commit──▶ written, and told as news ──signature, sync──▶ may be shown to peers
 *
 * Owns: the news since the last commit, the newest head that may be shown once it is synced, and the one
 * that is. Invariant: what a failed commit took back is neither told nor shown.
 */

import type { Emitter } from '../base/emitter.ts'
import type { Head, Slot } from '../store/store.ts'
import { Announcement } from './announcement.ts'
import type { ReplicaEvents } from './events.ts'
import type { Shown } from './generation.ts'
import { type Changing, Joint, News } from './news.ts'
import type { LogState } from './state.ts'
import { stageSignature } from './writer.ts'

/** A head that is staged, or settled later, and may be shown when it is committed and synced. */
interface Showable {
  readonly head: Head
  readonly address: number
}

/** What one commit brings, filled in right before it. */
interface Brings {
  news: News
  showable: Showable | undefined
}

/** The changes of one log, on their way. */
export class Lasting implements Changing, Shown {
  readonly #state: LogState
  readonly #events: Emitter<ReplicaEvents>
  /** Called when a commit or a sync has changed what others may want to know. */
  readonly #onChanged: () => void
  #announcement: Announcement
  #news: News = new News()
  #showable: Showable | undefined
  stagedFor = 0
  #joint: Joint | undefined
  #committing: Promise<void> | undefined
  /** What the commit that is to come brings. */
  #brings: Brings | undefined
  #sealing: Promise<void> | undefined

  constructor(state: LogState, events: Emitter<ReplicaEvents>, onChanged: () => void) {
    this.#state = state
    this.#events = events
    this.#onChanged = onChanged
    const { head, headAddress } = state.slot
    this.#announcement = this.#announceNothing()
    if (this.#isSettled) this.#announcement.begin(head, headAddress)
  }

  #announceNothing(): Announcement {
    const { head } = this.#state.slot
    const start: Head = { ...head, length: 0, byteLength: 0, signature: undefined }
    return new Announcement(this.#state.store, start, () => this.#onShown())
  }

  /** The log goes on in another store, with its head staged there: to be shown when it is safe in that one. */
  moved(): void {
    this.#announcement.dropWaiting()
    this.#announcement = this.#announceNothing()
    this.#showable = undefined
    this.#joint = undefined
    this.stagedFor = 0
    this.staged()
  }

  get state(): LogState {
    return this.#state
  }

  /** What happened since the last commit: to be added to. */
  get news(): News {
    return this.#news
  }

  // ---- What may be shown ----

  get slot(): Slot {
    return this.#state.slot
  }

  /** The head that peers may be told of. */
  get head(): Head {
    return this.#announcement.head
  }

  get prologueLength(): number {
    return this.#state.prologue?.length ?? 0
  }

  isDurable(block: number): boolean {
    const address = this.#state.slot.addressOf(block)
    return address > 0 && address <= this.#state.store.syncedAddress
  }

  // ---- What is staged ----

  /** Something was staged. */
  staged(): void {
    const { head, headAddress } = this.#state.slot
    this.#joint ??= Joint.of(this.#state.store)
    this.#joint.note(this)
    if (head === this.#showable?.head || !this.#isSettled) return
    this.#showable = { head, address: headAddress }
  }

  /** The history was cut: nothing shown before can be proved any more. */
  cut(fork: number): void {
    this.#announcement.cut(fork)
  }

  /** The way back to how things are now, for changes that the caller takes back in the store before any turn. */
  mark(): () => void {
    const news = this.#news.clone()
    const showable = this.#showable
    const backs = [this.#announcement.mark(), this.#state.views.mark()]
    return () => {
      this.#news = news
      this.#showable = showable
      this.#state.forgetRoots()
      for (const back of backs) back()
    }
  }

  commit(): Promise<void> {
    this.#committing ??= this.#commit()
    return this.#committing
  }

  #commit(): Promise<void> {
    const brings: Brings = { news: this.#news, showable: undefined }
    this.#brings = brings
    this.#joint ??= Joint.of(this.#state.store)
    return this.#joint.soon(this).then(() => this.#committed(brings))
  }

  /** What is staged from here on belongs to the next commit. */
  taken(): void {
    const brings = this.#brings
    if (brings !== undefined) {
      brings.news = this.#news
      brings.showable = this.#showable
    }
    this.#brings = undefined
    this.#news = new News()
    this.#committing = undefined
  }

  #committed({ news, showable }: Brings): void {
    const { slot } = this.#state
    // A head of a history that was cut meanwhile is not worth showing.
    if (showable !== undefined && showable.head.fork === slot.head.fork) {
      this.#announcement.committed(showable.head, showable.address)
    }
    if (news.isEmpty) return
    news.emit(this.#events, slot)
    this.#onChanged()
  }

  /** The store could not write, and has taken back what was staged: there is no news, and an older head. */
  lost(): void {
    const { head, headAddress } = this.#state.slot
    this.#news = new News()
    this.#showable = undefined
    this.#state.forgetRoots()
    this.#state.views.lost(head)
    // That head was committed long ago; a truncation that came to nothing had hidden it.
    if (this.#isSettled) this.#announcement.committed(head, headAddress)
  }

  /** Signs the head if need be; resolves when it and all before it is synced and may be shown. */
  async sealed(): Promise<void> {
    const { slot, store } = this.#state
    const address = slot.headAddress
    // A head of somebody else's comes with its signature: when it is written it waits for the disk only.
    let mustCommit = !this.#isSettled || address > store.writtenAddress
    for (; !this.#announcement.covers(address); mustCommit = true) {
      if (!this.#isSettled && !this.#state.maySign) return
      this.#sealing ??= this.#seal(mustCommit).finally(() => {
        this.#sealing = undefined
      })
      await this.#sealing
    }
  }

  async #seal(mustCommit: boolean): Promise<void> {
    const { store, slot } = this.#state
    if (!store.writable) {
      const signed = { ...slot.head, signature: this.#state.signHead() }
      return this.#announcement.committed(signed, slot.headAddress)
    }
    if (mustCommit) await this.sign()
    await store.sync()
    this.#announcement.look()
  }

  /** Signs the head if that was left for later, and commits. */
  sign(): Promise<void> {
    stageSignature(this.#state)
    this.staged()
    return this.commit()
  }

  /** Nobody is to be shown anything any more. */
  end(): void {
    this.#announcement.dropWaiting()
  }

  /** Can the head be shown as it is: signed, or in need of no signature? */
  get #isSettled(): boolean {
    const state = this.#state
    if (state.isNew || state.head.signature !== undefined) return true
    return !state.maySign && state.accepts(state.treeOf(state.roots, state.fork), undefined)
  }

  #onShown(): void {
    const { length, fork } = this.head
    this.#events.emit('announced', { length, fork })
    this.#onChanged()
  }
}
