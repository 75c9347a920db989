/** Which nodes answer a request. */
import type { Proof } from './proof.ts'

/** The part of a request that a proof answers. */
export interface ProofRequest {
  readonly fork: number
  /** Block number, or -1. */
  readonly block: number
  /** In-order node index, or -1. */
  readonly hash: number
  /** Parent steps to a node that the requester trusts. */
  readonly nodes: number
  /** Byte position, or -1. */
  readonly seekBytes: number
  readonly seekPadding: number
  readonly upgradeStart: number
  /** 0 for none. */
  readonly upgradeLength: number
  readonly manifest: boolean
}
export type { Proof }
