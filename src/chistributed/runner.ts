/**
 * Executes lines: finds the command, reads its options, acts, and reports what fails. A line that
 * fails never ends the run.
 */
import type { Clock } from '../clock.js';
import { isRaftError } from '../errors.js';
import { Client } from './client.js';
import {
  isLaboratoryCommand,
  isOptionCommand,
  isPlainCommand,
  type OptionCommand,
  optionTables,
  type PlainCommand,
  refusedCommands,
} from './commands.js';
import type { Vocabulary } from './completion.js';
import { Laboratory } from './laboratory.js';
import { Lifecycle } from './lifecycle.js';
import { readLine } from './line.js';
import { type ChiNode, Nodes } from './nodes.js';
import { type ParsedOptions, parseOptions, usageLines } from './options.js';
import { Partitions } from './partitions.js';
import { pause } from './pause.js';
import type { Printer } from './printer.js';
import { PythonError, pythonLiteral, pythonText } from './python.js';
import type { ScriptLines } from './script.js';
import type { ChiTarget } from './target.js';

/** Whether the run goes on after a line, and if not, why. */
export type Verdict = 'go-on' | 'quit' | 'node-crashed';

export interface RunnerSurroundings {
  /** The configured names, in order. */
  readonly nodes: readonly string[];
  readonly target: ChiTarget;
  readonly printer: Printer;
  readonly clock: Clock;
  /** Where `load` puts its lines. */
  readonly script: ScriptLines;
  readonly waitLimitMs: number;
  readonly startLimitMs: number;
  readonly signal: AbortSignal;
  /** Whether a stack trace precedes the report of a line that failed. */
  readonly debug: boolean;
}

/** The longest sleep that Python takes, in s; above it is an OverflowError. */
const sleepSecondsMax = 2 ** 63 / 1e9;

export class Runner {
  readonly #surroundings: RunnerSurroundings;
  readonly #nodes: Nodes;
  readonly #partitions: Partitions;
  readonly #lifecycle: Lifecycle;
  readonly #client: Client;
  readonly #laboratory: Laboratory;

  constructor(surroundings: RunnerSurroundings) {
    const nodes = new Nodes(surroundings.nodes);
    const partitions = new Partitions(surroundings.target);
    this.#surroundings = surroundings;
    this.#nodes = nodes;
    this.#partitions = partitions;
    this.#lifecycle = new Lifecycle({ ...surroundings, nodes, partitions });
    this.#client = new Client({ ...surroundings, nodes });
    const nodeOf = (options: ParsedOptions) => this.#nodeOf(options);
    this.#laboratory = new Laboratory({ ...surroundings, lifecycle: this.#lifecycle, nodeOf });
  }

  /** What a person may type next. */
  get vocabulary(): Vocabulary {
    return { nodes: this.#nodes.ids, partitions: this.#partitions.names };
  }

  /** Executes one line. Does not reject for anything that a line can do wrong. */
  async execute(raw: string): Promise<Verdict> {
    try {
      return await this.#execute(raw);
    } catch (error) {
      this.#report(error);
      return 'go-on';
    }
  }

  /** Waits for the answers that can still come; see `Client.drain`. */
  drain(): Promise<void> {
    return this.#client.drain();
  }

  /** Prints no answers from here on. */
  close(): void {
    this.#client.close();
  }

  async #execute(raw: string): Promise<Verdict> {
    const { printer } = this.#surroundings;
    const line = readLine(raw);
    if (line === undefined) return 'go-on';
    if (line.kind === 'refused') {
      printer.error(`${line.reason} is not available in balsa; the line was not run`);
      return 'go-on';
    }
    const { name, argumentText } = line;
    if (isOptionCommand(name)) return this.#withOptions(name, argumentText);
    if (isPlainCommand(name)) return this.#plain(name, argumentText);
    if (refusedCommands.has(name)) printer.error(`${name} is not available in balsa`);
    else printer.line(`*** Unknown syntax: ${name} ${argumentText}`);
    return 'go-on';
  }

  async #withOptions(name: OptionCommand, argumentText: string): Promise<Verdict> {
    const { printer } = this.#surroundings;
    const options = parseOptions(optionTables[name], argumentText);
    const usage = usageLines(name, optionTables[name]);
    for (let asked = 0; asked < options.helpAsked; asked += 1) printer.lines(usage);
    if (options.refused !== undefined) printer.lines([options.refused, ...usage]);
    if (options.helpAsked > 0 || options.refused !== undefined) return 'go-on';
    return this.#run(name, options);
  }

  async #plain(name: PlainCommand, argumentText: string): Promise<Verdict> {
    switch (name) {
      case 'send_msg':
        await this.#client.sendMessage(argumentText);
        return 'go-on';
      case 'load':
      case '_relative_load':
        await this.#load(argumentText, name === '_relative_load');
        return 'go-on';
      case 'quit':
        return 'quit';
    }
  }

  async #run(name: OptionCommand, options: ParsedOptions): Promise<Verdict> {
    if (isLaboratoryCommand(name)) {
      return (await this.#laboratory.run(name, options)) ? 'go-on' : 'node-crashed';
    }
    switch (name) {
      case 'start':
        return this.#start(options);
      case 'get':
      case 'set':
        await this.#request(name, options);
        break;
      case 'wait':
        await this.#wait(options.numbers.get('time'));
        break;
      case 'fail_node':
      case 'recover_node':
        await this.#failOrRecover(name, options);
        break;
      case 'create_partition':
        await this.#createPartition(options);
        break;
      case 'remove_partition':
        await this.#removePartition(options);
        break;
      case 'show_queue':
        await this.#showQueue(options.flags.has('verbose'));
        break;
      case 'show_partitions':
        this.#showPartitions(options.flags.has('include-failed-nodes'));
        break;
    }
    return 'go-on';
  }

  async #start(options: ParsedOptions): Promise<Verdict> {
    const node = this.#nodeOf(options);
    if (node === undefined) return 'go-on';
    const wait = !options.flags.has('no-wait');
    const goesOn = await this.#lifecycle.start(node, { words: options.words, wait });
    return goesOn ? 'go-on' : 'node-crashed';
  }

  async #request(kind: 'get' | 'set', options: ParsedOptions): Promise<void> {
    const node = this.#nodeOf(options);
    if (node === undefined) return;
    const key = options.texts.get('key') ?? null;
    const value = options.texts.get('value') ?? null;
    await this.#client.request({ kind, node, key, value, wait: options.flags.has('wait') });
  }

  async #wait(seconds: number | undefined): Promise<void> {
    if (seconds === undefined) {
      const text = "'NoneType' object cannot be interpreted as an integer";
      throw new PythonError('TypeError', text);
    }
    if (Number.isNaN(seconds)) {
      throw new PythonError('ValueError', 'Invalid value NaN (not a number)');
    }
    if (Math.abs(seconds) > sleepSecondsMax) {
      throw new PythonError('OverflowError', 'timestamp out of range for platform time_t');
    }
    if (seconds < 0) throw new PythonError('ValueError', 'sleep length must be non-negative');
    const { clock, signal } = this.#surroundings;
    await pause({ clock, limitMs: seconds * 1_000, signal });
  }

  async #failOrRecover(name: 'fail_node' | 'recover_node', options: ParsedOptions): Promise<void> {
    const node = this.#nodeOf(options);
    if (node === undefined) return;
    if (name === 'fail_node') await this.#lifecycle.fail(node);
    else await this.#lifecycle.recover(node, { deliver: options.flags.has('deliver') });
  }

  async #createPartition(options: ParsedOptions): Promise<void> {
    const { printer } = this.#surroundings;
    const name = options.texts.get('name') ?? null;
    if (this.#partitions.has(name)) {
      printer.line(`There is already a partition with this name: ${pythonText(name)}`);
      return;
    }
    const side1 = options.texts.get('partition')?.split(',');
    if (side1 === undefined) {
      throw new PythonError('AttributeError', "'NoneType' object has no attribute 'split'");
    }
    const partition2 = options.texts.get('partition2') ?? '';
    const given2 = partition2 === '' ? undefined : partition2.split(',');
    const unknown = this.#nodes.firstUnknown([...side1, ...(given2 ?? [])]);
    if (unknown !== undefined) {
      printer.line(`No such node: ${unknown}`);
      return;
    }
    const side2 = given2 ?? this.#nodes.ids.filter((id) => !side1.includes(id));
    await this.#partitions.add(name, side1, side2);
  }

  async #removePartition(options: ParsedOptions): Promise<void> {
    const name = options.texts.get('name') ?? null;
    if (!this.#partitions.has(name)) {
      const text = `There is no partition with this name: ${pythonText(name)}`;
      this.#surroundings.printer.line(text);
      return;
    }
    await this.#partitions.remove(name, { deliver: options.flags.has('deliver') });
  }

  async #showQueue(isVerbose: boolean): Promise<void> {
    const { printer, target } = this.#surroundings;
    if (target.heldMessages === undefined) {
      printer.error('show_queue is not available on this cluster');
      return;
    }
    const held = await target.heldMessages();
    if (held.length === 0) printer.line('No messages in message queue.');
    for (const { source, destination, type, fields } of held.toReversed()) {
      printer.line(`${source} -> ${destination}: ${type}`);
      if (isVerbose) printer.lines([pythonLiteral({ type, destination, ...fields }), '']);
    }
  }

  #showPartitions(includeFailedNodes: boolean): void {
    this.#surroundings.printer.lines(this.#partitions.lines({ includeFailedNodes }));
  }

  async #load(argumentText: string, isRelative: boolean): Promise<void> {
    await this.#surroundings.script.load(argumentText, { isRelative });
  }

  /** The node that `-n` names; prints the refusal when there is none. */
  #nodeOf(options: ParsedOptions): ChiNode | undefined {
    const id = options.texts.get('node_id') ?? null;
    const node = id === null ? undefined : this.#nodes.find(id);
    if (node === undefined) this.#surroundings.printer.line(`No such node: ${pythonText(id)}`);
    return node;
  }

  #report(error: unknown): void {
    const { debug, printer } = this.#surroundings;
    if (!(error instanceof Error)) throw error;
    if (debug && error.stack !== undefined) printer.trace(error.stack);
    const type = error instanceof PythonError ? error.type : error.name;
    if (type === 'ValueError') printer.error(`Invalid syntax: ${error.message}`);
    else if (isRaftError(error, 'RAFT_INVALID_SCRIPT')) printer.error(error.message);
    else printer.exception(type, error.message);
  }
}
