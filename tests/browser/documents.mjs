// Runs the commands of docs/first-app.md against a real server: `node documents.mjs`.
//
// It starts `parlor dev` on a free port with a temporary store (PARLOR_BIN names another program, PARLOR_URL a running server)
// and stops it by its pid. One shell runs all ```bash blocks in order, and stops at the first command that fails.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startServer } from '../../clients/js/tests/program.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const DOCUMENT = join(HERE, '../../docs/first-app.md');

const folder = await mkdtemp(join(tmpdir(), 'parlor-documents-'));
let server;

try {
  server = await startServer();
  const address = server.url.host;

  const text = await readFile(DOCUMENT, 'utf8');
  const blocks = [...text.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map((found) => found[1]);
  assert.ok(blocks.length >= 6, `the document has ${blocks.length} blocks to run`);
  const lines = blocks.join('\n').replaceAll('localhost:8080', address);
  assert.ok(lines.includes(address), 'the document names the default address');

  const shell = spawn('bash', ['-euo', 'pipefail', '-c', lines], {
    cwd: folder,
    env: { ...process.env, PATH: `${join(HERE, 'node_modules/.bin')}:${process.env.PATH}` },
    // wscat ends when its input ends, so its input stays open, as in a terminal.
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 120_000,
  });
  let said = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk) => (said += chunk));
  const code = await new Promise((resolve) => shell.on('close', resolve));
  assert.equal(code, 0, `a command of docs/first-app.md fails:\n${said}`);
  assert.match(said, /"currency":"coin","amount":10000/, 'a wallet is shown');
  console.log(`ok    ${blocks.length} blocks of docs/first-app.md`);
} catch (error) {
  console.log(`FAIL  docs/first-app.md\n      ${String(error?.message ?? error).split('\n').join('\n      ')}`);
  process.exitCode = 1;
} finally {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
}
