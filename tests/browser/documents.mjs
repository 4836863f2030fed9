// Runs the commands of docs/first-app.md against a real server: `node documents.mjs`.
//
// It starts `parlor dev` on a free port with a temporary store (PARLOR_BIN names another program) and stops it by its pid.
// One shell runs all ```bash blocks in order, and stops at the first command that fails.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const DOCUMENT = join(HERE, '../../docs/first-app.md');
const PROGRAM = process.env.PARLOR_BIN ?? join(HERE, '../../target/debug/parlor');

const folder = await mkdtemp(join(tmpdir(), 'parlor-documents-'));
await chmod(folder, 0o755); // the store may run as another user
const { DATABASE_URL, DATABASE_OWNER_URL, ...env } = process.env; // its own store

const server = spawn(PROGRAM, ['dev', '--port', '0', '--data', join(folder, 'data')], { stdio: ['ignore', 'pipe', 'pipe'], env });
const ended = new Promise((resolve) => server.on('exit', resolve).on('error', resolve));

/** Collects the output of a process. Returns a function that gives the output so far; `onText` gets it whenever it grows. */
function listen(process, onText = () => {}) {
  let said = '';
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
      onText(said);
    });
  }
  return () => said;
}

try {
  const address = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no address within 180 s')), 180_000);
    const told = listen(server, (said) => {
      const found = /is ready: http:\/\/([^/]+)\//.exec(said);
      if (found) resolve((clearTimeout(late), found[1]));
    });
    ended.then(() => reject(new Error(`the server ended: ${told()}`)));
  });

  const text = await readFile(DOCUMENT, 'utf8');
  const blocks = [...text.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map((found) => found[1]);
  assert.ok(blocks.length >= 6, `the document has ${blocks.length} blocks to run`);
  const lines = blocks.join('\n').replaceAll('localhost:8080', address);
  assert.ok(lines.includes(address), 'the document names the default address');

  const shell = spawn('bash', ['-euo', 'pipefail', '-c', lines], {
    cwd: folder,
    env: { ...env, PATH: `${join(HERE, 'node_modules/.bin')}:${env.PATH}` },
    // wscat ends when its input ends, so its input stays open, as in a terminal.
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 120_000,
  });
  const said = listen(shell);
  const code = await new Promise((resolve) => shell.on('close', resolve));
  assert.equal(code, 0, `a command of docs/first-app.md fails:\n${said()}`);
  assert.match(said(), /"currency":"coin","amount":10000/, 'a wallet is shown');
  console.log(`ok    ${blocks.length} blocks of docs/first-app.md`);
} catch (error) {
  console.log(`FAIL  docs/first-app.md\n      ${String(error?.message ?? error).split('\n').join('\n      ')}`);
  process.exitCode = 1;
} finally {
  server.kill('SIGTERM');
  const late = setTimeout(() => server.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(late);
  await rm(folder, { recursive: true, force: true });
}
