// The client in a program: `client.js SERVER FOLDER`.
import * as sync from '@converge/sync';
import { connect } from '@converge/sync/client';
import { files } from '@converge/sync/node';
import { openSocket } from '@converge/sync/websocket';
import process from 'node:process';
import { clientSuite } from './client-suite.js';
import { suite } from './suite.js';

const [server, folder] = process.argv.slice(2);
await clientSuite({ connect, openSocket, engine: await sync.open() }, files(folder), server);
console.log(`converge ${await suite(sync)}`);
