/** Four token servers in processes of their own, behind one port. */
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';

cluster.setupPrimary({ exec: fileURLToPath(new URL('token-server.ts', import.meta.url)) });
for (let number = 0; number < 4; number += 1) cluster.fork();
