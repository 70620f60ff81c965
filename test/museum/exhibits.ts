/** Everything that the museum shows. */
import { clients } from './clients.js';
import { disks } from './disks.js';
import { elections } from './elections.js';
import type { Exhibit } from './exhibit.js';
import { logs } from './logs.js';
import { storage } from './storage.js';

export const exhibits: readonly Exhibit[] = [
  ...elections,
  ...logs,
  ...storage,
  ...disks,
  ...clients,
];
