/**
 * A disk that misbehaves, for one process: loaded before the command by `--import`.
 *
 * `FAULT_ROOM=n`: after n bytes written to files there is no space left. `FAULT_UNREADABLE=name`: files whose path ends
 * so cannot be opened, as if they were somebody else's (the administrator, who may run the tests, reads everything).
 */

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

let room = Number(process.env['FAULT_ROOM'] ?? Number.POSITIVE_INFINITY)
const unreadable = process.env['FAULT_UNREADABLE']

function systemError(code, message, call) {
  return Object.assign(new Error(`${code}: ${message}, ${call}`), { code, syscall: call })
}

const { writeSync, openSync, open } = fs

fs.writeSync = (file, data, ...rest) => {
  if (file <= 2) return writeSync(file, data, ...rest)
  if (room <= 0) throw systemError('ENOSPC', 'no space left on device', 'write')
  const written = writeSync(file, data, ...rest)
  room -= written
  return written
}

function checkReadable(path) {
  if (unreadable === undefined || !String(path).endsWith(unreadable)) return
  throw systemError('EACCES', 'permission denied', 'open')
}

fs.openSync = (path, ...rest) => {
  checkReadable(path)
  return openSync(path, ...rest)
}

fs.open = (path, ...rest) => {
  try {
    checkReadable(path)
  } catch (error) {
    rest.at(-1)(error)
    return
  }
  open(path, ...rest)
}

const openLater = fs.promises.open
fs.promises.open = async (path, ...rest) => {
  checkReadable(path)
  return openLater(path, ...rest)
}

syncBuiltinESMExports()
