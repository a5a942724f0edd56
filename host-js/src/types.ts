// The types that the package exports, in TypeScript so that their documentation is in the declaration files.

import type { Converge } from '../dist/wit/converge.js';
import type { MergeReport } from '../dist/wit/interfaces/converge-sync-session.js';
import type { Engine } from './engine.js';
import type { Real } from './values.js';

// The types of a platform are looked up through `globalThis`, because a program's libraries may lack them.

/** A `WebAssembly.Module`. */
export type CompiledModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } }
  ? M & object
  : object;

type FetchResponse = typeof globalThis extends { Response: { prototype: infer R } } ? R : never;

/** The path of a file, absolute or relative to the working directory, or a `file:` URL. */
export type FilePath = string | (typeof globalThis extends { URL: { prototype: infer U } } ? U : never);

/** What `open` accepts: a compiled module, its bytes, or a response that contains them. */
export type Source = CompiledModule | ArrayBuffer | ArrayBufferView<ArrayBuffer> | FetchResponse;

/**
 * Puts a component that jco transpiled in front of the engine. The function is passed the engine's
 * interfaces, which the component imports, and returns the interfaces that replace them.
 */
export type Front = (engine: Converge) => Partial<Converge>;

export interface OpenOptions {
  /** A component in front of the engine. */
  front?: Front;
}

/** The type of `open`. */
export interface Open {
  /**
   * Returns the engine that all callers without an argument share, created from the package's
   * module. If that engine is gone, the next call creates a new one. With an argument, such as
   * `fetch(url)`, returns a separate engine.
   *
   * @param source the package's module, its bytes, or a response with them
   * @throws InvalidArgumentError if the source is not the package's module
   */
  (source?: Source | PromiseLike<Source>, options?: OpenOptions): Promise<Engine>;
}

/**
 * The contract's interfaces, as `@converge/sync/wit` types them. Of classes, it contains only the
 * static functions.
 */
export type Contract = {
  [I in 'engine' | 'durable' | 'texts' | 'ephemeral' | 'session' | 'ordering']: {
    [F in keyof Converge[I]]: Static<Converge[I][F]>;
  };
};

type Static<F> = F extends (...args: never) => unknown ? F : { [M in keyof F as Exclude<M, 'prototype'>]: F[M] };

export interface LoadOptions {
  /** The name that the replica writes as from now on; a random one by default. */
  peer?: string;
}

export interface WatchOptions {
  /** The first calls of `take` return all existing rows; false by default. */
  fromStart?: boolean;
}

/**
 * The value of a cell that was read. An integer is a number if it is a safe integer, and a bigint
 * otherwise. A real is a number, or a `Real` if its value is a whole number. Writing the value back
 * stores exactly the same cell.
 */
export type CellValue = null | boolean | number | bigint | string | Uint8Array<ArrayBuffer> | Real;

/** A row's cells by column. */
export type Cells = Record<string, CellValue>;

/**
 * A value that can be written to a cell: any value that cells return, bytes in any kind of buffer,
 * and any `Number` object, which is stored as a real.
 */
export type NewCellValue = CellValue | Uint8Array | Number;

/**
 * Cells to write, by column. With a type argument, accepts objects of type `T` whose members can
 * all be written to cells.
 */
export type NewCells<T = Record<string, unknown>> = object & { [Column in keyof T as Column]: NewCellValue };

/**
 * An operation on a row. If the type of an object is an interface, pass `{ ...object }` as its
 * cells. Watchers and `diff` report splices and additions as updates to the text or the sum.
 */
export type Op<V extends NewCellValue = NewCellValue> =
  | { op: 'insert'; table: string; row: string; cells: Record<string, V> }
  | { op: 'update'; table: string; row: string; cells: Record<string, V> }
  | { op: 'delete'; table: string; row: string }
  | { op: 'unset'; table: string; row: string; columns: string[] }
  | { op: 'splice'; table: string; row: string; column: string; at: number; remove: number; insert: string }
  | { op: 'add'; table: string; row: string; column: string; amount: number | bigint };

/** A range of row ids, compared as UTF-8 bytes. `between` includes both ends. */
export type Range =
  { equal: string } | { atLeast: string } | { atMost: string } | { between: [string, string] } | { startsWith: string };

export interface Row {
  id: string;
  cells: Cells;
}

export interface ScanOptions {
  /** Which rows; all by default. */
  range?: Range;
  /** Sort by descending row id; false by default. */
  descending?: boolean;
  /** The maximum number of rows. */
  limit?: number;
  /** Start after this row id, in the direction of the scan: the last one of the previous page. */
  after?: string;
  /** Only these columns; all by default. */
  columns?: string[];
}

export interface StoreOptions {
  /** Entries that are not renewed expire after this time, in milliseconds; 30,000 by default. */
  timeToLive?: number;
  /**
   * Entries whose timestamp is further ahead of the current time are rejected, in milliseconds;
   * 600,000 by default, because the clocks of devices are often wrong by minutes.
   */
  maxSkew?: number;
}

/** The content of a register. An entry without a value is a removal. */
export interface Entry<V extends NewCellValue = CellValue> {
  namespace: string;
  key: string;
  value?: V;
  /** When the entry was written, in milliseconds, on the writer's clock. */
  timestamp: number;
  /** The peer that wrote the entry. */
  peer: string;
}

export interface SessionOptions {
  /** The document's name; both sides must use the same one. */
  document: string;
  /** A number that was never used for a session of this document; a random one by default. */
  nonce?: bigint;
  /** The maximum size of a message, in both directions; 65,536 by default. */
  maxMessageBytes?: number;
  /** Receive only these namespaces of the store; all by default. */
  namespaces?: string[];
  /** Receive events, but send none; false by default. */
  readOnly?: boolean;
  /** What to accept from the other side; everything by default. */
  accept?: Acceptance;
  /**
   * The peers whose events and entries are accepted; every peer by default. `'ann/*'` stands for
   * all peers whose names start with `ann/`.
   */
  writers?: string[];
}

/** What a side accepts from the other side. Each is true by default. */
export interface Acceptance {
  events?: boolean;
  entries?: boolean;
  /** A compacted document that replaces this replica's content; servers set this to false. */
  documents?: boolean;
}

/** The changes of one message. */
export interface Received {
  /**
   * The result of merging its events, or of rebasing on the document that the message completed.
   */
  durable?: MergeReport;
  /** The entries that changed the visible state of the store. */
  ephemeral: Entry[];
  /** The number of entries that were skipped. */
  refused: number;
}

/** What jco exports for a component that it transpiled with `--instantiation sync`. */
export type Instantiate = (getCoreModule: (file: string) => CompiledModule, imports: any) => unknown;

export interface ApplyOptions {
  /** The authenticated subject on whose behalf the call runs; none by default. */
  caller?: string;
}
