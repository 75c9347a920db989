/**
 * A byte stream that counts what passes.
 *
 * Owns: the two numbers. Everything else is the stream's, and its contract holds (`wire/byte-stream.ts`).
 */

import type { ByteHandler, ByteStream } from '@dat-rhino/core/wire/byte-stream'

export class CountedBytes implements ByteStream {
  bytesDown = 0
  bytesUp = 0
  readonly #bytes: ByteStream
  #handler: ByteHandler | undefined

  constructor(bytes: ByteStream) {
    this.#bytes = bytes
  }

  get writable(): boolean {
    return this.#bytes.writable
  }

  get handler(): ByteHandler | undefined {
    return this.#handler
  }

  set handler(handler: ByteHandler | undefined) {
    const isFirst = this.#handler === undefined
    this.#handler = handler
    if (!isFirst) return
    this.#bytes.handler = {
      onBytes: (chunk) => {
        this.bytesDown += chunk.length
        this.#handler?.onBytes(chunk)
      },
      onWritable: () => this.#handler?.onWritable(),
      onClose: (error) => this.#handler?.onClose(error),
    }
  }

  write(bytes: Uint8Array): void {
    this.bytesUp += bytes.length
    this.#bytes.write(bytes)
  }

  pause(): void {
    this.#bytes.pause()
  }

  resume(): void {
    this.#bytes.resume()
  }

  close(error?: Error): void {
    this.#bytes.close(error)
  }
}
