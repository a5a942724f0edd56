import { open } from '@converge/sync';
import { show } from './page.js';

show(open());
