// Tests what the README and the package promise, with a package as it would be published.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { PROGRAM, startServer } from './program.js';

const run = promisify(execFile);
const HOME = fileURLToPath(new URL('..', import.meta.url));
const skip = PROGRAM || process.env.PARLOR_URL ? false : 'no server was built: set PARLOR_BIN';

test('the package has its sources, types, licence and README, and no dependency', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], { cwd: HOME });
  const [pack] = [JSON.parse(stdout)].flat().map((one) => one.files ? one : Object.values(one)[0]);
  const names = pack.files.map((file) => file.path);
  for (const name of ['package.json', 'LICENSE', 'README.md', 'src/index.js', 'src/index.d.ts', 'src/protocol.d.ts']) assert.ok(names.includes(name), name);
  assert.deepEqual(names.filter((name) => /^(tests|scripts|node_modules)/.test(name)), []);
  const { dependencies, license } = JSON.parse(await readFile(join(HOME, 'package.json'), 'utf8'));
  assert.deepEqual([dependencies, license], [undefined, 'MIT']);
});

test('the line of the README installs the package', { timeout: 60_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-install-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const readme = await readFile(join(HOME, 'README.md'), 'utf8');
  const [, line] = /```sh\n(npm install .*)\n```/.exec(readme);
  assert.equal(line, 'npm install ../parlor/clients/js ws');
  // From this checkout, and `ws` from what is installed here, so that the test needs no network.
  const words = line.split(' ').slice(1).map((word) => ({ '../parlor/clients/js': HOME, ws: join(HOME, 'node_modules/ws') })[word] ?? word);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await run('npm', [...words, '--offline', '--no-audit', '--no-fund'], { cwd: folder });
  await writeFile(join(folder, 'app.mjs'), "import { Client } from '@parlor/client';\nimport WebSocket from 'ws';\nconsole.log(typeof Client, typeof WebSocket);\n");
  assert.equal((await run(process.execPath, ['app.mjs'], { cwd: folder })).stdout, 'function function\n');
});

test('the example of the README runs against a server, from the packed package', { skip, timeout: 120_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-example-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: HOME });
  const { filename } = [JSON.parse(stdout)].flat().map((one) => one.filename ? one : Object.values(one)[0])[0];
  await run('mkdir', ['-p', 'node_modules/@parlor/client'], { cwd: folder });
  await run('tar', ['-xzf', filename, '-C', 'node_modules/@parlor/client', '--strip-components=1'], { cwd: folder });
  await symlink(join(HOME, 'node_modules/ws'), join(folder, 'node_modules/ws'));
  const readme = await readFile(join(HOME, 'README.md'), 'utf8');
  const example = /```js\n([\s\S]*?)```/.exec(readme)[1];
  assert.ok(example.trim().split('\n').length <= 22, 'it stays short');
  await writeFile(join(folder, 'example.mjs'), example);
  const server = await startServer();
  t.after(server.stop);
  const said = await run(process.execPath, ['example.mjs'], { cwd: folder, env: { ...process.env, PARLOR_URL: server.url.origin } });
  assert.match(said.stdout, /^1 in Amira's room\nAmira: good evening\n10000 coins left\n$/);
});
