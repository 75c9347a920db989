/** The part of fs-native-extensions that `platform/node/` calls. The package brings no types. */

declare module 'fs-native-extensions' {
  /** False if another open file holds the lock. It ends with the process, or when the file is closed. */
  export function tryLock(
    fd: number,
    offset: number,
    length: number,
    options?: { readonly shared?: boolean },
  ): boolean
  /** Makes a hole; throws where the file system can't. */
  export function trimSync(fd: number, offset: number, length: number): void
}
