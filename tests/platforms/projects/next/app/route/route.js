import * as sync from '@converge/sync/inline';
import { suite } from '../../suite.js';

export const dynamic = 'force-dynamic';

export async function GET() {
  return new Response(`converge ${await suite(sync)}`);
}
