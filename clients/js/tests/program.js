// A real server, and a proxy to it that can cut connections, for the tests of this package and of the playground.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The program under test; undefined if none was built. */
export const PROGRAM = [process.env.PARLOR_BIN, fileURLToPath(new URL('../../../target/debug/parlor', import.meta.url))].find(
  (path) => path && existsSync(path),
);

/**
 * Starts `parlor dev` on a free port with a temporary store, and stops it by its pid. PARLOR_URL names a running server. A
 * server that is to be started again gets the same `port` and `data`, which stays.
 */
export async function startServer({ port = 0, data: kept } = {}) {
  if (process.env.PARLOR_URL && !kept) return { url: new URL(process.env.PARLOR_URL), stop: async () => {} };
  const data = kept ?? (await mkdtemp(join(tmpdir(), 'parlor-')));
  await chmod(data, 0o755); // the store may run as another user
  const { DATABASE_URL, DATABASE_OWNER_URL, ...env } = process.env; // its own store
  const child = spawn(PROGRAM, ['dev', '--port', String(port), '--data', data], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const said = [];
  const ended = new Promise((resolve) => {
    child.on('exit', (code, signal) => resolve(signal ?? code));
    child.on('error', (error) => resolve(error.message));
  });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid) {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await ended;
      clearTimeout(late);
    }
    if (!kept) await rm(data, { recursive: true, force: true });
  };
  /** Ends it as the system does that is out of memory: nothing is laid down. */
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no address within 180 s')), 180_000);
    const read = (chunk) => {
      said.push(String(chunk));
      const found = /https?:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d+\/?/.exec(said.join(''));
      if (!found) return;
      clearTimeout(late);
      resolve(new URL(found[0]));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', (chunk) => said.push(String(chunk)));
    ended.then((how) => reject(new Error(`${PROGRAM} ended (${how})`)));
  }).catch(async (error) => {
    await stop();
    throw new Error(`${error.message}\n${said.join('').slice(-3000)}`);
  });
  return { url, stop, kill, said };
}

/** A proxy between a client and the server that can cut connections: it resets open ones and refuses new ones. */
export async function startWire(target) {
  const open = new Set();
  let whole = true;
  const server = net.createServer((near) => {
    if (!whole) return near.resetAndDestroy();
    const far = net.connect(Number(target.port), target.hostname.replace(/[[\]]/g, ''));
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => {}).on('close', () => (open.delete(socket), near.destroy(), far.destroy()));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reset = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    url: new URL(`http://127.0.0.1:${server.address().port}/`),
    /** Resets open connections and refuses new ones, until `mend` is called. */
    cut: () => {
      whole = false;
      reset();
    },
    mend: () => (whole = true),
    /** Resets the open connections once. */
    reset,
    stop: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

/** Repeats a check until it passes; if it never does, throws its last error. */
export async function until(what, timeout_ms = 10_000) {
  for (const end = Date.now() + timeout_ms; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    try {
      return await what();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
