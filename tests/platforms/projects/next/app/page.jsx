import * as sync from '@converge/sync/inline';
import { suite } from '../suite.js';

export const dynamic = 'force-dynamic';

export default async function Page() {
  return <p>{`converge ${await suite(sync)}`}</p>;
}
