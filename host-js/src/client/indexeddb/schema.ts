// What the database contains.

import type { DBSchema, IDBPTransaction, StoreNames } from 'idb';
import type { Notes } from '../storage.js';

/** The stores of the database. Those of documents are keyed by the document. */
export interface Schema extends DBSchema {
  /** Under `DEVICE`, the letters with which the peer names of this copy of the storage start. */
  device: { key: string; value: string };
  documents: { key: string; value: Lineage };
  snapshots: { key: string; value: Uint8Array };
  log: { key: number; value: LogEntry; indexes: { document: string } };
  notes: { key: string; value: Notes };
}

/** Identifies the content of a document, so that a replica notices if the content was replaced. */
export interface Lineage {
  /** Random letters, drawn when the document was first opened. */
  origin: string;
  /** How often the document was reset. */
  resets: number;
  /** How often the snapshot was replaced since the last reset. */
  saves: number;
}

export interface LogEntry {
  document: string;
  update: Uint8Array;
}

export type Stores = StoreNames<Schema>[];

export type Transaction<Mode extends IDBTransactionMode> = IDBPTransaction<Schema, Stores, Mode>;
