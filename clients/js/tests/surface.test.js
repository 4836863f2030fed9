// The types, the code, the README and the server's description name the same things: each list is compared both ways.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import * as client from '../src/index.js';
import { FakeSocket } from './world.js';

const read = (path) => readFile(new URL(path, import.meta.url), 'utf8');
const TYPES = await read('../src/index.d.ts');
const README = await read('../README.md');
const SOURCES = await Promise.all(['client', 'connection', 'session', 'rest'].map((name) => read(`../src/${name}.js`)));
const [CLIENT, CONNECTION, SESSION, REST] = SOURCES;

const unique = (names) => [...new Set(names)].sort();
const found = (text, pattern) => unique([...text.matchAll(pattern)].map((match) => match[1]));
/** The lines of a declaration of the types, to its closing brace. */
const declared = (head) => TYPES.slice(TYPES.indexOf(`${head} {`)).split(/\n\}/)[0];
const members = (head) => found(declared(head), /^  (?:readonly )?(\w+)\??[(:<]/gm).filter((name) => name !== 'constructor');
/** The names between the braces of one constructor's options. */
const optionsOf = (text) => found(text.slice(text.indexOf('{') + 1), /(?:^|;)\s*(\w+)\?:/gm);

const ways = { device: 'test', token: () => 'x' };
const OBJECTS = {
  Client: new client.Client({ ...ways, base: 'http://parlor', WebSocket: FakeSocket }),
  Session: new client.Session(ways),
  Rest: new client.Rest(),
  ParlorError: new client.ParlorError({ code: 'busy', retry: 'later' }),
};

test('each public member of a class is in its types, and each one of the types is in the code', () => {
  for (const [name, object] of Object.entries(OBJECTS)) {
    const own = [...Object.keys(object), ...Object.getOwnPropertyNames(Object.getPrototypeOf(object))];
    const inherited = name === 'ParlorError' ? ['name', 'op'] : []; // `name` is every error's, `op` is set for a refused command
    assert.deepEqual(
      unique([...own.filter((one) => one !== 'constructor'), ...inherited]),
      unique([...members(`export class ${name}${name === 'ParlorError' ? ' extends Error' : ''}`), ...inherited]),
      name,
    );
  }
});

test('the README names each method of the client and the session, each event and each phase', () => {
  for (const name of ['Client', 'Session']) {
    for (const member of members(`export class ${name}`)) assert.match(README, new RegExp(`\\b${member}\\b`), `${name}.${member}`);
  }
  const emitted = found(CLIENT, /\.emit\('(\w+)'/g);
  assert.deepEqual(members('export interface ClientEvents'), emitted);
  const table = README.slice(README.indexOf('## Events')).split('\n').filter((line) => line.startsWith('| `'));
  assert.deepEqual(unique(table.flatMap((line) => found(line.split('|')[1], /`(\w+)`/g))), emitted);
  const phases = found(CONNECTION, /phase: '(\w+)'/g);
  assert.deepEqual(found(TYPES, /phase: '(\w+)'/g), phases);
  for (const phase of phases) assert.match(README, new RegExp(`\`${phase}\``), phase);
});

test('each setting and each option of the types is read by the code, and the code reads no other', () => {
  assert.deepEqual(members('export interface Settings'), unique(Object.keys(client.DEFAULTS)));
  const read = [...found(CLIENT, /(?:#options|\boptions)\.(\w+)/g), ...found(CONNECTION, /(?:#options|\boptions)\.(\w+)/g)];
  const taken = [...CLIENT.matchAll(/const \{([^}]*)\} = (?:this\.#options|options);/g)].flatMap(([, names]) => found(names, /(\w+)(?:: \w+)?/g));
  const known = new Set([...read, ...taken]);
  assert.deepEqual(members('export interface ClientOptions').filter((name) => !known.has(name)), []);
  const extra = new Set(['call', 'CLOCK']); // the names of two values
  assert.deepEqual([...known].filter((name) => !members('export interface ClientOptions').includes(name) && !extra.has(name)), []);
  for (const [name, source] of [['Session', SESSION], ['Rest', REST]]) {
    const given = /constructor\(\{([\s\S]*?)\}(?: = \{\})?\) \{/.exec(source)[1];
    const names = found(given.replace(/\w+\([^)]*\)|\([^)]*\) => \w+\([^)]*\)/g, ''), /(?:^|,)\s*(\w+)/g);
    const types = declared(`export class ${name}`).split('constructor(')[1].split(');')[0];
    assert.deepEqual(unique([...optionsOf(types), ...(name === 'Session' ? ['device'] : [])]), names, name);
  }
});

test('each call of REST is an operation of the server\'s description, and what its answer must fit is required there', async () => {
  const openapi = JSON.parse(await read('../../../docs/openapi.json'));
  const resolve = (schema) => {
    const named = schema?.$ref ? resolve(openapi.components.schemas[schema.$ref.split('/').at(-1)]) : schema;
    const parts = (named.allOf ?? []).map(resolve);
    const required = [named, ...parts].flatMap((part) => part.required ?? []);
    return { ...named, required, properties: Object.assign({}, ...parts.map((part) => part.properties), named.properties) };
  };
  const fitting = (shape, schema, name) => {
    const { type, properties, required } = resolve(schema);
    if (shape === 'string') return assert.equal(type, 'string', name);
    if (shape === 'number') return assert.equal(type, 'integer', name);
    if (Array.isArray(shape)) return assert.equal(type, 'array', name);
    for (const [field, inner] of Object.entries(shape)) {
      assert.ok(required.includes(field), `${name}.${field} is required`);
      fitting(inner, properties[field], `${name}.${field}`);
    }
  };
  const rest = new client.Rest();
  const asked = [];
  rest.ask = async (method, path, body, shape) => asked.push({ method, path: path.split('?')[0], shape });
  const calls = Object.keys(rest).filter((name) => name !== 'ask');
  for (const name of calls) await rest[name](104_233_871, {});
  assert.equal(asked.length, calls.length);
  for (const [at, { method, path, shape }] of asked.entries()) {
    const name = calls[at];
    const template = Object.keys(openapi.paths).find((one) => new RegExp(`^${one.replace(/\{\w+\}/g, '[^/]+')}$`).test(path));
    const operation = openapi.paths[template]?.[method.toLowerCase()];
    assert.ok(operation, `${name}: ${method} ${path}`);
    const good = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
    assert.equal(good.length, 1, name);
    const [status, { content }] = good[0];
    if (!content) {
      assert.ok(shape === null && ['202', '204'].includes(status), `${name} has no data`);
      continue;
    }
    assert.ok(shape, `${name} says what its answer must fit`);
    fitting(shape, content['application/json'].schema, name);
  }
  for (const [path, operations] of Object.entries(openapi.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      for (const [status, { content }] of Object.entries(operation.responses ?? {})) {
        if (!status.startsWith('2') || path === '/v1/socket') continue;
        assert.ok(content ? content['application/json'] : ['202', '204'].includes(status), `${method} ${path} ${status}: \`ask\` could not read it`);
      }
    }
  }
});

test('the types of REST\'s answers have the fields of the server\'s description', async () => {
  const { components } = JSON.parse(await read('../../../docs/openapi.json'));
  for (const [name, schema] of [['Gift', 'GiftCard']]) {
    assert.deepEqual(members(`export interface ${name}`), Object.keys(components.schemas[schema].properties).sort(), name);
  }
  const card = members('export interface ListedRoom extends RoomCard');
  const { properties, required } = components.schemas.ListedRoom;
  assert.deepEqual(unique([...card, ...Object.keys(components.schemas.RoomCard.properties)]), Object.keys(properties).sort());
  for (const field of card) assert.ok(required.includes(field), `ListedRoom.${field} is always sent`);
  const entry = Object.keys(components.schemas.Entry.properties);
  for (const field of members('export interface WalletEntry')) assert.ok(entry.includes(field), field);
});
