// Uses the entry points that the README does not show.
import type { Engine } from '@converge/sync';
import module from '@converge/sync/converge.core.wasm';
import { open as openBundle } from '@converge/sync/converge.min.js';
import { open } from '@converge/sync/inline';

export const engines: Promise<Engine>[] = [open(), open(module), openBundle(module)];
// @ts-expect-error the option does not exist
engines.push(open(module, { fronts: [] }));
