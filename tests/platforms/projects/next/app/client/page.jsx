'use client';

import * as sync from '@converge/sync';
import { useEffect } from 'react';
import { keep, show } from '../../page.js';
import { suite } from '../../suite.js';

export default function Page() {
  useEffect(() => {
    show(suite(sync, keep), new Worker(new URL('../../worker.js', import.meta.url), { type: 'module' }));
  }, []);
  return <p>The title shows the outcome.</p>;
}
