// Stands in for the globals that Jest's jsdom environment lacks, in dist/converge.cjs alone.

import * as util from 'node:util';

export const TextDecoder = globalThis.TextDecoder ?? util.TextDecoder;
export const TextEncoder = globalThis.TextEncoder ?? util.TextEncoder;
