// The interface between a client and the place where it keeps documents. `indexedDb()` of `@converge/sync/indexeddb`
// and `files()` of `@converge/sync/node` implement it; so can an application.

/** Keeps documents for clients. */
export interface ClientStorage {
  /**
   * Opens a document, and reserves a peer name for it that no other user of this storage has at the
   * same time. Names come from a pool, so that their number grows with the number of replicas that
   * are open at once, and not with the number of replicas that were ever opened. Does not have to
   * create anything durable before the first write.
   *
   * @param key names the document, and differs between servers
   * @param prefix how the peer name starts, because tokens can require it
   */
  open(key: string, prefix: string): Promise<StoredDocument>;
}

/**
 * Why a call of a storage failed, as the `code` of its `StorageError`. The call changed nothing.
 *
 * - `full`: there is no space. The same call can succeed later.
 * - `gone`: what was kept of the document was deleted, or another replica destroyed it. Every
 *   further write fails as well. The replica can be stored again after another `open`.
 * - `reset`: another replica called `reset`, so this one must not write its content. Every further
 *   write fails as well.
 * - `in-use`: another replica has the document open, or is destroying it, and the storage allows
 *   only one at a time. Open it again after the other one has closed it.
 * - `outdated`: a newer version of the program uses the storage.
 * - `failed`: anything else, such as an I/O error. The message says more.
 */
export type StorageFailure = 'full' | 'gone' | 'reset' | 'in-use' | 'outdated' | 'failed';

/**
 * A document in a storage. Calls are made one after the other, except `close`. All of them can
 * fail with a `StorageError`.
 */
export interface StoredDocument {
  /** The peer name that is reserved for this replica. */
  readonly peer: string;

  /**
   * The name of a BroadcastChannel through which replicas of this document that use the same
   * storage at the same time find each other; `undefined` if only one replica at a time can open
   * the document. It differs after `reset`.
   */
  readonly channel?: string | undefined;

  /**
   * Reads everything that is kept, or an empty content. The replica must merge all of it, because
   * `compact` replaces a snapshot that was read without reading it again.
   */
  read(): Promise<Content>;

  /** Appends an update to the log. Resolves once the update survives a loss of power. */
  append(update: Uint8Array): Promise<void>;

  /** Writes the notes, durably. */
  note(notes: Notes): Promise<void>;

  /**
   * Replaces the snapshot and the log by a new snapshot, atomically and durably. Other replicas can
   * have appended updates meanwhile, or replaced the snapshot: `save` is called with all updates of
   * the log, after the snapshot if another replica wrote it, and returns the saved document that
   * contains them. It can be called again if the content changed meanwhile. Does nothing if another
   * replica is doing the same. If `save` throws, nothing changes, and the call fails with that
   * error.
   */
  compact(save: (updates: Uint8Array[]) => Uint8Array): Promise<void>;

  /**
   * Removes the snapshot, the log and the notes, and writes these notes, atomically and durably.
   */
  reset(notes: Notes): Promise<void>;

  /**
   * Reserves a name that was never used, after the former one turned out to be used by another copy
   * of the storage. The pool of names is then a new one, for later replicas too.
   */
  rename(): Promise<string>;

  /** Frees the peer name. Resolves once all writes have ended. */
  close(): Promise<void>;

  /** Removes everything that is kept of the document, and closes it. */
  destroy(): Promise<void>;
}

/** What is kept of a document. */
export interface Content {
  /** The saved document. */
  snapshot?: Uint8Array | undefined;
  /** The updates after it. */
  updates: Uint8Array[];
  notes: Notes;
  /**
   * A copy of damaged data, such as the path of a file, if parts of the data were left out.
   * `undefined` otherwise.
   */
  repaired?: string | undefined;
}

/** What a client remembers in addition to the document. */
export interface Notes {
  /** The incarnation of the server's document; see docs/server.md. */
  incarnation?: string | undefined;
  /** The summary of a version that the server has acknowledged. */
  acknowledged?: Uint8Array | undefined;
}
