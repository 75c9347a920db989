/**
 * Every limit of the project, in one place, with its unit in its name.
 *
 * Owns: the numbers that bound what a remote, a file or signed content can make us hold or do. Each
 * is above everything an honest peer of the stock packages sends and below what hurts. A queue or a
 * decoder without a row here is a bug. Source: the threat model's section 5.
 */

// ---- Frames and channels (generation 3) ----------------------------------------------------------

/** A frame's length is three bytes on the wire. */
export const FRAME_BYTES_MAX = 0xffffff
/** Longest handshake frame before a peer is authenticated (Noise message 2). */
export const HANDSHAKE_FRAME_BYTES_MAX = 96
/** From the first byte to the end of the handshake. */
export const HANDSHAKE_MS_MAX = 5_000
/** Connections in the handshake, all together and from one address. */
export const HALF_OPEN_MAX = 256
export const HALF_OPEN_PER_ADDRESS_MAX = 16
/** An idle connection says nothing for this long at most; a peer that misses three is gone. */
export const KEEP_ALIVE_MS = 5_000
export const KEEP_ALIVE_MISSED_MAX = 3
/** Bytes that a remote may send while we do not read, where the network below cannot hold it back. */
export const UNREAD_BYTES_MAX: number = 32 * 1024 * 1024
export const CHANNEL_PROTOCOL_BYTES_MAX = 128
export const CHANNEL_ID_BYTES_MAX = 64
export const CHANNEL_HANDSHAKE_BYTES_MAX = 4_096
export const CHANNELS_MAX = 16_384
/** Numbers that a remote may give its channels; more than it may have open, as refused ones count too. */
export const CHANNEL_NUMBERS_MAX = 65_536
/** Remote OPENs that wait for our side. */
export const CHANNELS_UNPAIRED_MAX = 1_024
/** Bytes kept for channels that are not paired yet, per connection. */
export const UNPAIRED_BYTES_MAX = 65_536
export const UNPAIRED_MS_MAX = 5_000
/**
 * Openings that come to nothing, refused or closed again: so many at once, since an honest peer may hold as many logs
 * that we do not, and then so many a second. A remote that makes more is not read for a while.
 */
export const OPENINGS_LOST_MAX: number = CHANNELS_MAX
export const OPENINGS_LOST_PER_SECOND_MAX = 2_000
/** Messages for channels that are not there, before the connection is closed. */
export const STRAY_MESSAGES_PER_MINUTE_MAX = 10_000
export const BATCH_MESSAGES_MAX = 65_536
/** A batch that we send is flushed when it has grown to this. */
export const BATCH_FLUSH_BYTES = 262_144

// ---- One log on one connection -------------------------------------------------------------------

/** Largest block that stock peers append or accept. */
export const BLOCK_BYTES_MAX: number = 15 * 1024 * 1024
export const NODES_PER_LIST_MAX = 512
/** Answers that are taken from a frame together, and nodes that come with them; more make another run. */
export const RUN_BLOCKS_MAX = 128
export const RUN_NODES_MAX = 1_024
export const SIGNATURE_BYTES_MAX = 65_536
export const MANIFEST_BYTES_MAX = 65_536
export const MANIFEST_SIGNERS_MAX = 256
/** Statuses of one remote about one log that are acted on; of more only the newest counts, a second later. */
export const STATUSES_PER_SECOND_MAX = 200
/** Statuses of one remote in a conversation that rests; who tells more is counted by the second. */
export const STATUSES_IDLE_MAX = 16
/** Blocks in one Want, and in the bitfield that answers it. */
export const WANT_BLOCKS_MAX: number = 2 ** 21
export const WANTS_PER_CHANNEL_MAX = 512
/** Wants of the kind that one block satisfies. */
export const ANY_WANTS_PER_CHANNEL_MAX = 16
/** Wants that wait for our answer. */
export const WANTS_QUEUED_MAX = 512
export const BITFIELD_BYTES_MAX = 1_048_576
/** Intervals kept of what one remote says it has. */
export const REMOTE_RANGES_MAX = 4_096
/** Dense pages (32,768 blocks each) kept of what one remote says it has. */
export const REMOTE_PAGES_MAX = 64
/** Nodes that we remember one reader of an old log to hold. */
export const READER_NODES_MAX = 65_536
/** Evidence that an author signed two histories: two heads with their signatures, and the manifest. */
export const EVIDENCE_BYTES_MAX = 262_144
/** Requests of a remote that wait for our answer: with 1,024, who is 50 ms away got no more than 15,000 blocks a second. */
export const REQUESTS_QUEUED_MAX = 2_048
/** The same on one connection, for all its logs; and of ours that wait for the remote. */
export const CONNECTION_REQUESTS_MAX = 4_096
/** Requests that cannot be met, per channel, before it is closed. */
export const REQUESTS_INVALID_MAX = 64
/** Answers that fail verification, per channel, before it is closed. */
export const PROOFS_WRONG_MAX = 16
/** NoData answers in a row before a peer is asked last. */
export const REFUSALS_MAX = 32
/** Peers whose claims about a log are remembered, and runs of blocks of each. */
export const COPY_PEERS_MAX = 64
export const COPY_RUNS_MAX = 128
/** New claims are written down after this; what is taken back, at once. */
export const COPIES_SAVE_MS = 1_000
/** Blocks of one challenge: how many unless told, and at most; and its time. */
export const CHALLENGE_BLOCKS = 8
export const CHALLENGE_BLOCKS_MAX = 256
export const CHALLENGE_MS_MAX = 10_000
export const EXTENSION_NAME_BYTES_MAX = 256
export const EXTENSION_BYTES_MAX: number = 4 * 1024 * 1024
/** Extension messages of one conversation that wait, each way. */
export const EXTENSIONS_QUEUED_MAX = 8_192
export const EXTENSION_BYTES_QUEUED_MAX: number = 8 * 1024 * 1024
/** A message of a peer socket, and what each counts for beside its bytes. */
export const SOCKET_MESSAGE_BYTES_MAX: number = 1024 * 1024
export const SOCKET_MESSAGE_COST = 64
/** Messages of a peer socket that were sent and not read there yet, counted so. */
export const SOCKET_WINDOW_BYTES: number = 2 * 1024 * 1024
/** Messages that wait here for a peer who does not read. */
export const SOCKET_SENDS_QUEUED_MAX = 1_024
export const SOCKET_BYTES_QUEUED_MAX: number = 8 * 1024 * 1024
/** A topic's name. */
export const SOCKET_NAME_BYTES_MAX = 256

// ---- Generations 1 and 2 on the wire --------------------------------------------------------------

/** Longest body of a frame that stock peers of generations 1 and 2 take. */
export const FEED_FRAME_BYTES_MAX: number = 8 * 1024 * 1024
/** Channels of one side in generation 1, and numbers that a remote may use in generation 2. */
export const GEN1_CHANNELS_MAX = 256
export const GEN2_CHANNEL_NUMBERS_MAX = 65_536
/** Logs that a remote opened and we have not (yet). */
export const FEEDS_UNPAIRED_MAX = 1_024
/** Names in one list of extensions. */
export const EXTENSION_NAMES_MAX = 256
/** A connection of generation 1 or 2 sends at least so often, and is dead when it was silent for three times as long. */
export const GEN1_KEEP_ALIVE_MS = 4_000
export const GEN2_KEEP_ALIVE_MS = 10_000
/** Wants that stock peers of generations 1 and 2 answer at a time, and their length in blocks. */
export const FEED_WANTS_IN_FLIGHT_MAX = 16
export const FEED_WANT_BLOCKS: number = 2 ** 20

// ---- What we ask for -----------------------------------------------------------------------------

/** Bytes in flight to one peer for one log; blocks are as many as it queues (`REQUESTS_QUEUED_MAX`). */
export const IN_FLIGHT_BYTES_MAX: number = 16 * 1024 * 1024
/** A peer that announces and does not deliver is passed over after this, or 8 median answer times. */
export const ANSWER_MS_MIN = 2_000
/** Proofs of one reorganisation, and its time. */
export const REORG_PROOFS_MAX = 32
export const REORG_MS_MAX = 10_000
/** A liar is not asked again about that log for this long. */
export const DISTRUST_MS = 600_000
/** A log is not spoken about with a peer who broke its rules: first for so long, twice as long each time. */
export const REST_MS_MIN = 1_000
/** Peers and logs of theirs that rest, in one store. */
export const RESTS_MAX = 4_096
/** Logs that a peer asked for and was not offered, to be opened when the policy changes. */
export const WITHHELD_MAX = 1_024
/** Liars that are remembered for each log. */
export const DISTRUSTED_MAX = 1_024
/** Requests that a peer left unanswered, after which it counts as stalled. */
export const UNANSWERED_MAX = 8_192

// ---- Signed content: bees and drives -------------------------------------------------------------

/** What an author may sign and we still read. */
export const BEE_KEYS_PER_NODE_MAX = 64
/** A batch with many refused puts rewrites all that they passed: far more than one path. */
export const BEE_LEVELS_PER_BLOCK_MAX = 65_536
export const BEE_KEY_BYTES_MAX = 65_536
export const BEE_DEPTH_MAX = 32
/** Blocks that one hint names: stock peers send at most 128 a message and 2,176 a request. */
export const BEE_HINT_BLOCKS_MAX = 2_176
/** A trie's key: a path of 4,096 bytes, the longest of any system, has at most 2,048 components. */
export const TRIE_KEY_BYTES_MAX = 65_536
export const TRIE_COMPONENTS_MAX = 2_048
/** Buckets of one trie node: hypertrie cannot write more. */
export const TRIE_BUCKETS_BYTES_MAX = 65_536
/** Blocks that one hint about a trie names, positions of a walk in it, and answers that we are at. */
export const TRIE_HINT_BLOCKS_MAX = 2_176
export const TRIE_CHECKPOINT_BYTES_MAX = 65_536
export const TRIE_ANSWERS_MAX = 32
/** References of one append-tree block: it lists every name of every folder on its way. */
export const APPEND_TREE_REFERENCES_MAX = 1_048_576
export const APPEND_TREE_NAME_BYTES_MAX = 65_536
export const APPEND_TREE_COMPONENTS_MAX = 2_048
export const DRIVE_ENTRY_BYTES_MAX = 1_048_576
export const DRIVE_ENTRY_DEPTH_MAX = 64
export const LINKNAME_BYTES_MAX = 4_096
/** Blocks of one block map, and block numbers in each. */
export const MAP_BLOCKS_MAX = 64
export const MAP_BLOCK_ENTRIES_MAX = 8_192
export const SYMLINK_STEPS_MAX = 16
/** Drives inside drives: how deep, how many open through one, how many one look goes into, and takes from them. */
export const MOUNT_DEPTH_MAX = 16
export const MOUNTED_DRIVES_MAX = 256
export const MOUNTS_PER_LISTING_MAX = 1_024
export const MOUNTED_ENTRIES_MAX = 262_144
/** Drives (each once for each version that is shown) and logs that are served because an archive has them mounted. */
export const MOUNTS_FOLLOWED_MAX = 256
export const PATH_PART_BYTES_MAX = 255
export const PATH_BYTES_MAX = 4_096

// ---- Store ---------------------------------------------------------------------------------------

/** Bytes of the disk that no store takes for blocks, unless its owner says otherwise. */
export const KEEP_FREE_BYTES: number = 64 * 1024 * 1024
/** Blocks taken before the file system is asked again how much is free. */
export const ROOM_MEASURE_BYTES: number = 4 * 1024 * 1024
/** One file of the data log. */
export const SEGMENT_BYTES: number = 128 * 1024 * 1024
/** Data log written since the last checkpoint, at most, before the next one starts. */
export const CHECKPOINT_BYTES: number = 64 * 1024 * 1024
/** Index pages held in memory, all logs of a store together. */
export const PAGE_CACHE_BYTES: number = 64 * 1024 * 1024
/** Open files of a store, however many logs it holds. */
export const OPEN_FILES_MAX = 16
/** In durability mode `group`: from the write to the sync, at most. */
export const GROUP_SYNC_MS = 50
export const GROUP_SYNC_BYTES: number = 4 * 1024 * 1024
/** A record larger than this in a stored file is damage. */
export const RECORD_BYTES_MAX: number = 64 * 1024 * 1024
/** Index pages that differ from what is stored, at most, before a checkpoint starts. */
export const DIRTY_PAGE_BYTES: number = 8 * 1024 * 1024
/** Logs whose records differ from what is stored, at most, before a checkpoint starts: one turn encodes them all. */
export const CHANGED_LOGS_MAX = 256
/** Without changes for this long, a store writes its checkpoint. */
export const CHECKPOINT_IDLE_MS = 5_000
/** A record of a large commit ends when it has grown to this, and goes on in the next. */
export const RECORD_BYTES: number = 4 * 1024 * 1024
/** One file of the page log. */
export const PAGE_SEGMENT_BYTES: number = 32 * 1024 * 1024
/** Read at once when blocks are read one behind the other. */
export const READ_AHEAD_BYTES = 262_144
/** Pieces of the data log that a store keeps in memory because they are read often: 32 MiB. */
export const READ_WINDOW_BYTES = 65_536
export const READ_WINDOWS_MAX = 512
/** Reads of a piece before it is kept; more where pieces leave unused. */
export const READ_WINDOW_TOUCHES_MIN = 8
export const READ_WINDOW_TOUCHES_MAX = 64
/** A read that takes longer did not come from memory, if it is not the only one. */
export const SLOW_READ_MS = 0.5
/** Two slow reads within so many make a store cold. */
export const SLOW_READS_WITHIN = 16
/** How long reads go through the thread pool then, unless so many of them in a row are fast. */
export const FAST_READS_WARM = 64
export const COLD_MS_MIN = 1_000
export const COLD_MS_MAX = 16_000
/** Blocks that are dropped in one turn of the event loop: the pages over them are read, imaged and changed. */
export const CLEAR_SLICE_BLOCKS = 4_096
/** Once so much was cleared, `clear` waits until the file system has it back; less comes back soon after. */
export const RECLAIM_BYTES_MIN: number = 1_048_576
/** A smaller block is not worth a hole in its file: file systems give back whole pages of 4 KiB. */
export const PUNCH_BYTES_MIN = 16_384

// ---- Handles on logs -----------------------------------------------------------------------------

/** Copies that one view keeps of blocks that the log drops or replaces. */
export const VIEW_BYTES_MAX: number = 16 * 1024 * 1024
/** Findings that one audit lists; it counts the others. */
export const AUDIT_FINDINGS_MAX = 1_024
/** Blocks hashed by an audit between two turns of the event loop. */
export const AUDIT_SLICE_BYTES: number = 4 * 1024 * 1024
/** Blocks that the report of an adopted log names. */
export const ADOPT_DAMAGED_MAX = 1_024
/** Bytes that are taken from old files between two commits. */
export const ADOPT_SLICE_BYTES: number = 4 * 1024 * 1024
/** Appended from a source and not acknowledged yet. */
export const APPEND_BYTES_QUEUED_MAX: number = 4 * 1024 * 1024

// ---- Turns of the event loop ---------------------------------------------------------------------

/** Work between two turns of the event loop. */
export const SLICE_MS = 4
/** The same for work that is asked for one by one: asking ten thousand times in one moment takes milliseconds as well. */
export const LINE_SLICE_MS = 1
/** Items between two looks at the clock. */
export const SLICE_ITEMS = 32
/**
 * The same in the slice that all share who speak with peers, and what each of them does when it is over. Fewer, because
 * code that V8 has not compiled yet takes 100 µs for one.
 */
export const TURN_ITEMS = 8
/** Logs of a store that the thread pool reads for at the same time, when others ask for blocks of a cold disk. */
export const WARMING_LOGS_MAX = 16

// ---- Old stores on disk --------------------------------------------------------------------------

/** Open files of one old store, however many logs it holds. */
export const STORED_FILES_OPEN_MAX = 16
/** Read at once from a file of an old store, and held for each that is open. */
export const STORED_WINDOW_BYTES = 65_536
/** Things found wrong that are named for one log; the others are counted. */
export const STORED_PROBLEMS_MAX = 256
/** Header, record or small file of an old store. */
export const STORED_RECORD_BYTES_MAX: number = 8 * 1024 * 1024
/** Signatures that are tried to find out how long a log is whose files contradict one another. */
export const STORED_SIGNATURES_TRIED_MAX = 64
/** Looking for stores below a folder: how deep, and how many names. */
export const DETECT_DEPTH_MAX = 7
export const DETECT_NAMES_MAX = 200_000
/** Ranges and damaged blocks that an inspection lists for one log. */
export const INSPECT_RANGES_MAX = 1_024

// ---- Finding old programs ------------------------------------------------------------------------

/** Longest datagram that is looked at: more than anybody may send on a local network. */
export const DATAGRAM_BYTES_MAX = 9_000
/** Questions and answers of one multicast DNS message, strings of one answer, bytes of a name. */
export const DNS_RECORDS_MAX = 64
export const DNS_STRINGS_MAX = 32
export const DNS_NAME_BYTES_MAX = 255
/** What a stranger can make us say to the whole local network. */
export const LAN_ANSWERS_PER_SECOND_MAX = 10
/** A message of BitTorrent's DHT: values in all, and how deep they nest. */
export const BENCODE_VALUES_MAX = 512
export const BENCODE_DEPTH_MAX = 8
/** What counts of one answer of BitTorrent's DHT. */
export const MAINLINE_NODES_PER_ANSWER_MAX = 20
export const MAINLINE_PEERS_PER_ANSWER_MAX = 64
/** Nodes that one look-up asks, however near they say that others are; it remembers as many that it may still ask. */
export const MAINLINE_QUERIES_PER_LOOKUP_MAX = 128
/** Addresses of old programs that are remembered, for one log and in all. */
export const LEGACY_ADDRESSES_PER_LOG_MAX = 64
export const LEGACY_ADDRESSES_MAX = 1_024
/** Connections with old programs, those of them that others have dialled, and attempts at the same time. */
export const LEGACY_CONNECTIONS_MAX = 64
export const LEGACY_ACCEPTED_MAX = 32
/** A connection on which no log is spoken about after this is ended: it keeps others out. */
export const LEGACY_IDLE_MS_MAX = 30_000
export const LEGACY_DIALS_MAX = 8
