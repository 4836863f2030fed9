// Runs the commands of docs/first-app.md against a real server: `node documents.mjs [--minutes M]`.
//
// It starts `parlor dev` on a free port with a temporary store (PARLOR_BIN names another program) and stops it by its pid. One
// shell runs all ```bash blocks in order, and stops at the first command that fails. It does so twice: at once, and at the pace
// of people with two minutes between the sections, where the pauses and the rooms' times are divided by ten. With `--minutes` it
// does so at the server's real times, in passes of at most ten minutes: the access token of the first section lasts for fifteen.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startServer } from '../../clients/js/tests/program.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const text = await readFile(join(HERE, '../../docs/first-app.md'), 'utf8');
const blocks = [...text.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map((found) => found[1]);

// A tenth of the times that a room keeps what a client may come back to. Their names are those of docs/settings.md.
const TENTH = {
  PARLOR__ROOM__GRACE_MS: '3000',
  PARLOR__ROOM__GONE_MS: '6000',
  PARLOR__ROOM__RING_MS: '6000',
  PARLOR__ROOM__MEMORY_MS: '12000',
  PARLOR__ROOM__IDLE_MS: '30000',
};

/** Runs the blocks with this pause in seconds between them. Returns what they print. */
async function run(pause, settings) {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-documents-'));
  let server;
  try {
    Object.assign(process.env, settings);
    server = await startServer();
    const address = server.url.host;
    assert.ok(blocks.length >= 6, `the document has ${blocks.length} blocks to run`);
    const lines = blocks.join(`\nsleep ${pause}\n`).replaceAll('localhost:8080', address);
    assert.ok(lines.includes(address), 'the document names the default address');
    const shell = spawn('bash', ['-euo', 'pipefail', '-c', lines], {
      cwd: folder,
      env: { ...process.env, PATH: `${join(HERE, 'node_modules/.bin')}:${process.env.PATH}` },
      // wscat ends when its input ends, so its input stays open, as in a terminal.
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: 120_000 + (blocks.length - 1) * pause * 1_000,
    });
    let said = '';
    for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk) => (said += chunk));
    const code = await new Promise((resolve) => shell.on('close', resolve));
    assert.equal(code, 0, `a command of docs/first-app.md fails:\n${said}`);
    assert.match(said, /"currency":"coin","amount":10000/, 'a wallet is shown');
    return said;
  } finally {
    await server?.stop();
    for (const name of Object.keys(settings)) delete process.env[name];
    await rm(folder, { recursive: true, force: true });
  }
}

const at = process.argv.indexOf('--minutes');
try {
  if (at > 0) {
    const minutes = Number(process.argv[at + 1]);
    const passes = Math.ceil(minutes / 10);
    const pause = (minutes * 60) / passes / (blocks.length - 1);
    for (let pass = 1; pass <= passes; pass++) {
      const said = await run(pause, {});
      if (pause > 60) assert.match(said, /"recovered":false/, 'after a minute who comes back gets a snapshot');
      console.log(`ok    ${blocks.length} blocks of docs/first-app.md, ${pause} s between them, pass ${pass} of ${passes}`);
    }
  } else {
    assert.match(await run(0, {}), /"recovered":true/, 'who comes back at once gets all missed events');
    console.log(`ok    ${blocks.length} blocks of docs/first-app.md`);
    assert.match(await run(12, TENTH), /"recovered":false/, 'who comes back late gets a snapshot');
    console.log('ok    the same at a tenth of the pace of people');
  }
} catch (error) {
  console.log(`FAIL  docs/first-app.md\n      ${String(error?.message ?? error).split('\n').join('\n      ')}`);
  process.exitCode = 1;
}
