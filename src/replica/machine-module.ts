/** From the URL of a module to the machine that its factory makes, in the thread of a node. */
import { RaftError } from '../errors.js';
import type { Machine, MachineFactory } from '../store/machine.js';

const methods = ['apply', 'query', 'snapshot', 'restore'] as const;

/** Rejects with `RAFT_MACHINE_FAILED` whatever is wrong: the module, its factory, its machine. */
export async function loadMachine(url: string): Promise<Machine> {
  const machine = make(url, await factoryOf(url)) as Partial<Machine> | null | undefined;
  const lacking = methods.find((method) => typeof machine?.[method] !== 'function');
  if (lacking !== undefined)
    throw failed(`what createStateMachine of ${url} gives has no ${lacking}`);
  const name: unknown = machine?.name;
  if (name === undefined || (typeof name === 'string' && name !== '')) return machine as Machine;
  throw failed(`the name of what createStateMachine of ${url} gives is no name: ${String(name)}`);
}

async function factoryOf(url: string): Promise<MachineFactory> {
  let module: { readonly createStateMachine?: unknown };
  try {
    module = (await import(url)) as typeof module;
  } catch (cause) {
    throw failed(`${url} cannot be loaded: ${textOf(cause)}`, cause);
  }
  const { createStateMachine } = module;
  if (typeof createStateMachine === 'function') return createStateMachine as MachineFactory;
  throw failed(`${url} exports no function createStateMachine`);
}

function make(url: string, createStateMachine: MachineFactory): unknown {
  try {
    return createStateMachine();
  } catch (cause) {
    throw failed(`createStateMachine of ${url} threw: ${textOf(cause)}`, cause);
  }
}

function failed(message: string, cause?: unknown): RaftError {
  return new RaftError('RAFT_MACHINE_FAILED', message, cause === undefined ? {} : { cause });
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
