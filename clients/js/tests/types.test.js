import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as client from '../src/index.js';
import { QUEUES } from '../src/wire.js';
import { codesOf, commandFrames, typesOf } from '../scripts/types.mjs';

const here = (path) => new URL(path, import.meta.url);
const SCHEMA = here('../../../protocol/schema/parlor.v1.schema.json');

test('src/protocol.d.ts matches the schema (npm run types)', async () => {
  const schema = JSON.parse(await readFile(SCHEMA, 'utf8'));
  assert.equal(await readFile(here('../src/protocol.d.ts'), 'utf8'), typesOf(schema));
});

test('each code that ends a session is one of the schema', async () => {
  const codes = codesOf(JSON.parse(await readFile(SCHEMA, 'utf8')));
  const list = /const ENDS = new Set\(\[([^\]]*)\]\)/.exec(await readFile(here('../src/session.js'), 'utf8'))[1];
  const ends = [...list.matchAll(/'(\w+)'/g)].map((found) => found[1]);
  assert.ok(ends.length > 0);
  assert.deepEqual(ends.filter((code) => !codes.has(code)), []);
});

test('the client names an operation for each command that must have one', async () => {
  const { $defs } = JSON.parse(await readFile(SCHEMA, 'utf8'));
  assert.deepEqual(Object.keys(QUEUES).sort(), commandFrames($defs).filter(({ op }) => op).map(({ kind }) => kind).sort());
});

test('a command waits in the queue of its rate', async () => {
  const table = await readFile(here('../../../docs/protocol.md'), 'utf8');
  for (const [kind, queue] of Object.entries(QUEUES)) {
    assert.equal(new RegExp(`^\\| \`${kind}\` \\|[^|]*\\|[^|]*\\| (\\w*) `, 'm').exec(table)?.[1], queue, kind);
  }
});

test('a schema becomes types: absent fields, unions, lists, maps, references', () => {
  const types = typesOf({
    $defs: {
      Seat: {
        description: 'One seat.',
        type: 'object',
        properties: { no: { type: 'integer' }, user: { anyOf: [{ $ref: '#/$defs/Person' }, { type: 'null' }] }, tags: { type: 'array', items: { enum: ['a', 'b'] } } },
        required: ['no'],
      },
      Person: { type: 'object', properties: { name: { type: ['string', 'null'], description: 'Shown.' } }, required: ['name'] },
      Counts: { type: 'object', additionalProperties: { type: 'number' } },
      To: { oneOf: [{ const: 'all' }, { type: 'object', properties: { users: { type: 'array', items: { type: 'integer' } } }, required: ['users'] }] },
      Frame: { type: 'object', properties: { room: { type: 'integer' } }, required: ['room'], oneOf: [{ $ref: '#/$defs/Seat' }, { $ref: '#/$defs/To' }] },
    },
  });
  assert.match(types, /export type Counts = Record<string, number>;/);
  assert.match(types, /\/\*\* One seat\. \*\/\nexport interface Seat \{\n  no: number;\n  user\?: Person \| null;\n  tags\?: \("a" \| "b"\)\[\];\n\}/);
  assert.match(types, /  \/\*\* Shown\. \*\/\n  name: string \| null;/);
  assert.match(types, /export type To = "all" \| \{\n  users: number\[\];\n\};/);
  assert.match(types, /export type Frame = \(Seat \| To\) & \{\n  room: number;\n\};/);
});

test('an app in TypeScript compiles against the types, and mistakes do not', () => {
  const tsc = fileURLToPath(here('../node_modules/.bin/tsc'));
  try {
    execFileSync(tsc, ['-p', fileURLToPath(here('tsconfig.json'))], { encoding: 'utf8' });
  } catch (error) {
    assert.fail(error.stdout || error.message);
  }
});

test('the package and its types export the same names', async () => {
  const text = await readFile(here('../src/index.d.ts'), 'utf8');
  const typed = [...text.matchAll(/^export (?:const|function|class) (\w+)/gm)].map((found) => found[1]);
  assert.deepEqual(typed.sort(), Object.keys(client).sort());
});
