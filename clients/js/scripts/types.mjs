// Writes src/protocol.d.ts from the protocol's JSON Schema: `npm run types`. With `--check` it writes nothing, and fails if the
// file is stale.

import { readFile, writeFile } from 'node:fs/promises';

const SCHEMA = new URL('../../../protocol/schema/parlor.v1.schema.json', import.meta.url);
const TYPES = new URL('../src/protocol.d.ts', import.meta.url);

/** The error codes of a schema. */
export const codesOf = ({ $defs }) => new Set($defs.ErrorCode.oneOf.map((code) => code.const));

/** The types of every definition of a schema, as TypeScript. */
export function typesOf({ $defs }) {
  const parts = Object.keys($defs).sort().map((name) => declaration(name, $defs[name]));
  return [
    '// Written by scripts/types.mjs from protocol/schema/parlor.v1.schema.json: change that, not this.',
    ...parts,
    commands($defs),
  ].join('\n\n') + '\n';
}

/** Each command by its type: the data it is asked with and what its reply brings. */
function commands($defs) {
  const lines = commandFrames($defs).map(({ kind, frame, data, reply }) => `${comment(frame, '  ')}  ${JSON.stringify(kind)}: { data: ${type(data, '  ')}; reply: ${type(reply, '  ')} };\n`);
  return `/** Each command by its type. */\nexport interface Commands {\n${lines.join('')}}`;
}

/** The commands of a schema: `{kind, op, …}`, `op` where it must name an operation. */
export function commandFrames($defs) {
  return Object.entries($defs).flatMap(([name, frame]) => {
    const kind = name.endsWith('Command') ? frame.properties?.type?.const : undefined;
    const reply = $defs[name.replace(/Command$/, 'Reply')]?.properties?.data;
    return kind ? [{ kind, op: frame.required.includes('op'), frame, data: frame.properties.data, reply }] : [];
  });
}

function declaration(name, schema) {
  const text = comment(schema, '');
  return isRecord(schema) ? `${text}export interface ${name} ${record(schema, '')}` : `${text}export type ${name} =${type(schema, '').replace(/^(?!\n)/, ' ')};`;
}

/** An object with named fields, and nothing beside them. */
function isRecord(schema) {
  return schema.properties !== undefined && !['oneOf', 'anyOf', 'allOf', '$ref'].some((key) => key in schema);
}

function record({ properties, required = [] }, indent) {
  const inner = `${indent}  `;
  const fields = Object.entries(properties).map(([name, field]) => {
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    return `${comment(field, inner)}${inner}${key}${required.includes(name) ? '' : '?'}: ${type(field, inner)};\n`;
  });
  return `{\n${fields.join('')}${indent}}`;
}

function type(schema, indent) {
  if (schema === true || schema === undefined) return 'unknown';
  if (schema === false) return 'never';
  if (schema.$ref) return schema.$ref.replace(/^#\/\$defs\//, '');
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return union(schema.enum.map((value) => JSON.stringify(value)));
  const choices = schema.oneOf ?? schema.anyOf;
  const parts = [];
  if (choices) parts.push(union(choices.map((choice) => (choice.type || choice.$ref || choice.enum || 'const' in choice || choice.oneOf || choice.allOf ? type(choice, indent) : 'unknown'))));
  if (schema.allOf) parts.push(...schema.allOf.map((part) => type(part, indent)));
  if (schema.properties) parts.push(record(schema, indent));
  if (parts.length) return parts.filter((part) => part !== 'unknown').map((part) => (parts.length > 1 && part.includes(' | ') ? `(${part})` : part)).join(' & ') || 'unknown';
  return union([schema.type ?? 'unknown'].flat().map((name) => single(name, schema, indent)));
}

function single(name, schema, indent) {
  switch (name) {
    case 'integer':
    case 'number':
      return 'number';
    case 'array': {
      if (!schema.items) return 'unknown[]';
      const item = type(schema.items, indent);
      return /[ |&]/.test(item) && !item.startsWith('{') ? `(${item})[]` : `${item}[]`;
    }
    case 'object':
      return typeof schema.additionalProperties === 'object' ? `Record<string, ${type(schema.additionalProperties, indent)}>` : 'Record<string, unknown>';
    case 'string':
    case 'boolean':
    case 'null':
      return name;
    default:
      return 'unknown';
  }
}

function union(parts) {
  const all = [...new Set(parts)];
  const text = all.join(' | ');
  return text.length > 100 && all.length > 2 ? `\n  | ${all.join('\n  | ')}` : text;
}

function comment(schema, indent) {
  const lines = [schema?.description, schema?.deprecated && '@deprecated'].filter(Boolean).join('\n').split('\n').map((line) => line.trim().replaceAll('*/', '*\\/'));
  if (!lines[0]) return '';
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} *${line && ` ${line}`}`).join('\n')}\n${indent} */\n`;
}

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) {
  const text = typesOf(JSON.parse(await readFile(SCHEMA, 'utf8')));
  if (!process.argv.includes('--check')) await writeFile(TYPES, text);
  else if ((await readFile(TYPES, 'utf8')) !== text) {
    console.error(`${TYPES.pathname} is stale: run \`npm run types\``);
    process.exit(1);
  }
}
