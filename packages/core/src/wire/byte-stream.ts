/**
 * The raw byte pipe on which the protocols of generations 1 and 2 run.
 *
 * Owns: the contract between whoever carries bytes (a TCP socket, a hyperswarm connection, two ends in one
 * process) and a feed stream. Bytes arrive in order, cut anywhere. Nothing is delivered before the handler is set,
 * while paused, or from inside `write`. `onClose` comes exactly once and last, also after our own `close`.
 */

/** Our end of one connection. */
export interface ByteStream {
  /** False while the pipe owes more than it should; `onWritable` tells when that ends. */
  readonly writable: boolean
  /** The bytes are the stream's from now on. Does nothing after the end. */
  write(bytes: Uint8Array): void
  pause(): void
  resume(): void
  /** Without an error what was written is sent first. */
  close(error?: Error): void
  /** Set once by whoever runs on the stream. */
  handler: ByteHandler | undefined
}

/** What a pipe tells. */
export interface ByteHandler {
  /** The bytes are the handler's from now on: it decrypts them where they lie. */
  onBytes(bytes: Uint8Array): void
  onWritable(): void
  onClose(error: Error | undefined): void
}
