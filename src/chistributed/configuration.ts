/** The configuration of chistributed: which nodes there are. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { RaftError } from '../errors.js';

/** Where a configuration comes from. */
export interface ConfigurationSource {
  /** A YAML mapping with an entry `nodes`. Default: none, so `overrides` must have it. */
  readonly file?: string;
  /** `NAME=VALUE`, exactly one `=`, neither side empty; a later one wins. Default: none. */
  readonly overrides?: readonly string[];
}

/**
 * The names of the nodes, in order, each once.
 *
 * `node-executable` is accepted and ignored: nodes are hosted here. Rejects with
 * `RAFT_INVALID_OPTION` and a message that is the tool's text after `ERROR: `.
 */
export async function readNodes(source: ConfigurationSource): Promise<string[]> {
  const overrides = (source.overrides ?? []).map(readOverride);
  const fromFile = source.file === undefined ? [] : await readEntries(source.file);
  const entries = new Map<string, unknown>([...fromFile, ...overrides]);
  if (!entries.has('nodes')) {
    const where = source.file ?? '(none given)';
    throw invalid(`Configuration file ${where} does not include required option nodes`);
  }
  const nodes = entries.get('nodes');
  if (nodes === null || nodes === undefined) throw invalid('Option nodes must have a value');
  if (typeof nodes !== 'string') {
    throw invalid('Option nodes must be one string: names separated by white space');
  }
  const names = new Set(nodes.split(/\s+/).filter((name) => name !== ''));
  if (names.size === 0) throw invalid('Option nodes must have a value');
  return [...names];
}

function readOverride(text: string): readonly [string, string] {
  const [name = '', value = '', ...more] = text.split('=');
  if (name !== '' && value !== '' && more.length === 0) return [name, value];
  throw invalid(`Unexpected exception Invalid configuration parameter: ${text}`);
}

async function readEntries(file: string): Promise<[string, unknown][]> {
  const text = await readText(file);
  let mapping: unknown;
  try {
    // The tool reads YAML 1.1, where `yes` is a boolean.
    mapping = parse(text, { version: '1.1', logLevel: 'error' });
  } catch (error) {
    throw invalid(`${file} is not valid YAML`, error);
  }
  if (typeof mapping !== 'object' || mapping === null || Array.isArray(mapping)) {
    throw invalid(`${file} is not valid YAML`);
  }
  return Object.entries(mapping);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const why = isMissing ? 'does not exist.' : 'cannot be read.';
    throw invalid(`Unexpected exception Configuration file (${file}) ${why}`, error);
  }
}

function invalid(message: string, cause?: unknown): RaftError {
  const options = cause === undefined ? {} : { cause };
  return new RaftError('RAFT_INVALID_OPTION', message, options);
}
