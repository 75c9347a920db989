/**
 * The front door: everything an application needs, by name.
 *
 * `open()` gives a `Rhino`: stores and a network, behind the verbs `share`, `clone`, `drive`, `bee`, `log`.
 */

export { CODES, type Code, DatError, isCode } from '@dat-rhino/core/base/errors'
export type { Policy } from '@dat-rhino/core/corestore/corestore'
export type { WaitOptions } from '@dat-rhino/core/log/remote'
export type {
  EncodedJoinOptions,
  JoinOptions,
  Room,
  SendOptions,
  SocketPeer,
  TopicLike,
} from '@dat-rhino/core/sockets/sockets'
export type { Durability } from '@dat-rhino/core/store/store'
export type {
  DriveContents,
  InspectedArchive,
  InspectedFiles,
  InspectedLink,
  InspectedLog,
} from './archives/look.ts'
export type { FoundMount } from './archives/mounts.ts'
export { type ServedEvents, ServedFolder, type ServeOptions } from './archives/served.ts'
export type { ServedMount, ServedMounts } from './archives/served-mounts.ts'
export type {
  ImportOptions,
  OldOptions,
  Opened,
  OpenedBee,
  OpenedDrive,
  OpenedLog,
  OpenedTrie,
  TakenArchive,
  TakenLog,
} from './archives/types.ts'
export type { ReadOptions } from './by-key.ts'
export { Clone } from './files/clone.ts'
export type { LocalEdits } from './files/edits.ts'
export { Folder, type FolderStatus } from './files/folder.ts'
export {
  type FolderEvent,
  type FolderState,
  type Phase,
  PROBLEMS_KEPT_MAX,
  type Problem,
  type Progress,
  type Report,
} from './files/news.ts'
export { type CloneOptions, type ShareOptions, STATE_FOLDER } from './files/options.ts'
export { Share } from './files/share.ts'
export { detectPath } from './migrate/detect.ts'
export { inspect } from './migrate/inspect.ts'
export { openStored } from './migrate/open.ts'
export type {
  ArchiveInspection,
  Found,
  Inspection,
  InspectOptions,
  LogInspection,
  OpenStoredOptions,
  StoredArchive,
  StoredPart,
  StoredProblem,
  StoredStore,
} from './migrate/types.ts'
export type {
  LanOptions,
  LegacyAddress,
  LegacyOptions,
  MainlineOptions,
} from './network/legacy/options.ts'
export type { NetworkPeer, NetworkState } from './network/network.ts'
export type { NetworkOptions } from './network/options.ts'
export type { Serving } from './network/serving.ts'
export type { NodeSockets } from './network/sockets.ts'
export type { StoreHolder } from './platform/node/holder.ts'
export { type OpenOptions, open, Rhino } from './rhino.ts'
