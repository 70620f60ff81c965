/** Script files: reading them, the lines still to run, and the nodes that a script names. */
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { RaftError } from '../errors.js';
import { optionTables } from './commands.js';
import { readLine } from './line.js';
import { parseOptions } from './options.js';
import { PythonError } from './python.js';
import { splitWords, withoutQuotes } from './words.js';

/** A script that was read. */
export interface Script {
  /** Absolute. */
  readonly path: string;
  readonly lines: readonly string[];
}

/** A script is at most this long. */
const scriptBytesMax = 64 * 1024 * 1024;

/** Scripts under way load this many files at most, so that one that loads itself ends. */
const loadsMax = 1_000;

/**
 * Reads a script in UTF-8, with LF or CRLF, whole.
 *
 * `~` is the home directory. Rejects with `RAFT_INVALID_SCRIPT` and the tool's text for what is
 * missing, not a file (a directory, a pipe), empty, binary, too long or not readable.
 */
export async function readScript(file: string, directory: string = '.'): Promise<Script> {
  const path = resolve(directory, file.replace(/^~(?=\/|$)/, homedir()));
  const bytes = await readBytes(path);
  if (bytes.length === 0) throw invalid(`${path} is empty`);
  const text = textOf(bytes);
  if (text === undefined) throw invalid(`${path} is not a text file in UTF-8`);
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return { path, lines };
}

/** The lines that are still to run. A script that is loaded goes before the rest. */
export class ScriptLines {
  readonly #frames: { readonly script: Script; next: number }[] = [];
  #loads = 0;

  /** The next line; `undefined` when all scripts are at their end. */
  next(): string | undefined {
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      const line = frame.script.lines[frame.next];
      frame.next += 1;
      if (line !== undefined) return line;
      this.#frames.pop();
    }
    return undefined;
  }

  /** Puts a script before the lines that are left. */
  insert(script: Script): void {
    this.#frames.push({ script, next: 0 });
  }

  /**
   * Loads what the arguments of `load` name: relative to the working directory, or to the
   * directory of the script that is running. Rejects with `RAFT_INVALID_SCRIPT`.
   */
  async load(argumentText: string, options: { readonly isRelative: boolean }): Promise<void> {
    const file = loadedFile(argumentText);
    if (file === undefined) throw invalid('load command requires a file path:');
    const running = this.#frames.at(-1);
    if (running === undefined) this.#loads = 0;
    if (this.#loads >= loadsMax) {
      throw invalid(`${file} was not loaded: scripts load each other without end`);
    }
    this.#loads += 1;
    const isRelative = options.isRelative && running !== undefined;
    this.insert(await readScript(file, isRelative ? dirname(running.script.path) : '.'));
  }
}

/**
 * The nodes that the `start` commands of a script name, in order of first mention.
 *
 * Scripts that it loads are read too, those that cannot be read are passed over; what follows
 * `quit` does not count.
 */
export async function nodesStarted(script: Script): Promise<string[]> {
  const names = new Set<string>();
  const seen = new Set<string>([script.path]);
  const collect = async ({ path, lines }: Script): Promise<boolean> => {
    for (const raw of lines) {
      const line = readLine(raw);
      if (line?.kind !== 'command') continue;
      if (line.name === 'quit') return true;
      if (line.name === 'start') addNode(names, line.argumentText);
      if (line.name !== 'load' && line.name !== '_relative_load') continue;
      const directory = line.name === 'load' ? '.' : dirname(path);
      const loaded = await readIfPossible(line.argumentText, directory);
      if (loaded === undefined || seen.has(loaded.path)) continue;
      seen.add(loaded.path);
      if (await collect(loaded)) return true;
    }
    return false;
  };
  await collect(script);
  return [...names];
}

function addNode(names: Set<string>, argumentText: string): void {
  try {
    const { texts, refused, helpAsked } = parseOptions(optionTables.start, argumentText);
    const id = texts.get('node_id');
    if (id !== undefined && refused === undefined && helpAsked === 0) names.add(id);
  } catch (error) {
    // The line reports its own fault when it is run.
    if (!(error instanceof PythonError)) throw error;
  }
}

async function readIfPossible(
  argumentText: string,
  directory: string,
): Promise<Script | undefined> {
  try {
    const file = loadedFile(argumentText);
    return file === undefined ? undefined : await readScript(file, directory);
  } catch (error) {
    if (error instanceof RaftError || error instanceof PythonError) return undefined;
    throw error;
  }
}

function loadedFile(argumentText: string): string | undefined {
  const [word] = splitWords(argumentText);
  return word === undefined ? undefined : withoutQuotes(word);
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw invalid(`${path} does not exist or is not a file`);
    if (found.size > scriptBytesMax) throw invalid(`${path} is longer than 64 MiB`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof RaftError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    const why = isMissing ? 'does not exist or is not a file' : `cannot be read (${String(code)})`;
    throw invalid(`${path} ${why}`, error);
  }
}

/** The text, without a byte order mark; `undefined` for what is not text. */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function invalid(message: string, cause?: unknown): RaftError {
  return new RaftError('RAFT_INVALID_SCRIPT', message, cause === undefined ? {} : { cause });
}
