// The interface to a text in each library, as in ../../../src/libraries/text/mod.rs.

/** @import { Patch } from '../../../../tests/traces.js' */
/**
 * A replica of a document with one text.
 *
 * @typedef {object} TextReplica
 * @property {() => void} begin creates the text, in libraries in which a text has to be created
 * @property {(patches: Patch[]) => void} edit applies these patches in one transaction
 * @property {(patches: Patch[]) => Uint8Array} editAndEncode does so and returns the update for the other replicas
 * @property {() => string} read
 * @property {() => Uint8Array} save
 * @property {() => Uint8Array | undefined} compacted returns a saved document with the same text and without its
 *   history, or `undefined` if the library cannot drop it
 * @property {() => any} version the version of this replica
 * @property {(version: any) => Uint8Array} changesSince
 * @property {(changes: Uint8Array) => void} merge
 * @property {(peer: number) => TextReplica} become returns a replica with the same events that writes as another peer,
 *   in place of this one
 * @property {() => void} dispose frees the memory of the replica
 *
 * @typedef {object} TextClass
 * @property {(peer: number) => TextReplica | Promise<TextReplica>} create returns a replica without events
 * @property {(peer: number, saved: Uint8Array) => TextReplica} load
 * @property {boolean} [isPublished] whether the library sorts insertions at one place as published
 */

/** @typedef {(position: number, removed: number) => void} Remove */
/** @typedef {(position: number, inserted: string) => void} Insert */

/**
 * Applies patches by the functions of a library, which neither remove nor insert nothing.
 *
 * @param {Patch[]} patches
 * @param {Remove} remove
 * @param {Insert} insert
 */
export function apply(patches, remove, insert) {
  for (const [position, removed, inserted] of patches) {
    if (removed > 0) remove(position, removed);
    if (inserted !== '') insert(position, inserted);
  }
}
