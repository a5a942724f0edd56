// Replaces globals that Jest's jsdom environment lacks. Only dist/converge.cjs uses this module.

import * as util from 'node:util';

export const TextDecoder = globalThis.TextDecoder ?? util.TextDecoder;
export const TextEncoder = globalThis.TextEncoder ?? util.TextEncoder;
