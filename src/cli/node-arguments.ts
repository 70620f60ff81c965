/**
 * The arguments that the broker of chistributed starts a node with. Not the parser of `balsa`:
 * here whatever is not known belongs to somebody else and is passed over, wherever it stands.
 */
import { RaftError } from '../errors.js';

export interface NodeArguments {
  readonly name: string;
  readonly pubEndpoint: string;
  readonly routerEndpoint: string;
  readonly peers: readonly string[];
  readonly debug: boolean;
}

export const nodeHelp = `Usage: balsa-node [options]

A Raft node as a process of its own, for the broker of chistributed, which starts it with these
arguments. Others are passed over. See docs/balsa-node.md.

Options:
  --node-name NAME       name of this node
  --pub-endpoint EP      the PUB socket of the broker, as tcp://127.0.0.1:23310
  --router-endpoint EP   its ROUTER socket, as tcp://127.0.0.1:23311
  --peer NAME            another node of the cluster; once for each
  --debug                tell on standard error what goes on
`;

const valued: ReadonlySet<string> = new Set([
  '--node-name',
  '--pub-endpoint',
  '--router-endpoint',
  '--peer',
]);

/** Node names are kept in the storage, in a field of this many UTF-16 code units. */
const nameLengthMax = 64;

/** Throws `RAFT_INVALID_OPTION` for an option that is missing, empty, or has no value. */
export function parseNodeArguments(words: readonly string[]): NodeArguments {
  const peers: string[] = [];
  const last = new Map<string, string>();
  for (let at = 0; at < words.length; at += 1) {
    const [option = '', inline] = divide(words[at] ?? '');
    if (!valued.has(option)) continue;
    if (inline === undefined) at += 1;
    const value = inline ?? words[at] ?? '';
    if (value === '') throw invalid(option, 'has no value');
    if (option === '--peer') peers.push(value);
    else last.set(option, value);
  }
  const take = (option: string): string => last.get(option) ?? missing(option);
  const name = take('--node-name');
  const long = [name, ...peers].find(({ length }) => length > nameLengthMax);
  if (long !== undefined) throw invalid('--node-name', `is longer than ${nameLengthMax}: ${long}`);
  return {
    name,
    pubEndpoint: take('--pub-endpoint'),
    routerEndpoint: take('--router-endpoint'),
    peers: [...new Set(peers)].filter((peer) => peer !== name),
    debug: words.includes('--debug'),
  };
}

/** `--peer=n2` is `--peer n2`. */
function divide(word: string): [string, string?] {
  const at = word.indexOf('=');
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

function missing(option: string): never {
  throw invalid(option, 'is missing');
}

function invalid(option: string, found: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${option} ${found}; see balsa-node --help`, {
    details: { option },
  });
}
