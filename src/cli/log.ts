/** `balsa log`: looks into the directories of nodes, checks them, and makes a lost one anew. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { RaftError } from '../errors.js';
import {
  inspectLog,
  type LogLine,
  type LogSummary,
  rebuildDirectory,
  verifyLog,
} from '../storage/index.js';
import { exitCode } from './exit-code.js';
import type { Terminal } from './terminal.js';

export function logCommand(
  program: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const log = program
    .command('log')
    .summary('look into the log of a node on disk')
    .description('Looks into the directories of nodes. The cluster need not run.');
  log
    .command('inspect')
    .summary('print every record')
    .argument('<directory>', 'of a node, or of a cluster: then all of its nodes')
    .option('--json', 'one JSON object a line')
    .action((directory: string, { json = false }: { json?: boolean }) => {
      for (const node of nodesIn(directory)) inspect(node, json, terminal);
      end(exitCode.ok);
    });
  log
    .command('verify')
    .summary('read everything and check it')
    .argument('<directory>', 'of a node, or of a cluster: then all of its nodes')
    .action((directory: string) => {
      for (const node of nodesIn(directory)) {
        terminal.stdout.write(`${sentence(known(verifyLog(node), node))}\n`);
      }
      end(exitCode.ok);
    });
  log
    .command('rebuild')
    .summary('make the directory of a lost node anew')
    .description(
      'Makes the directory of a node anew from those of all other nodes of its cluster, which ' +
        'must be closed. What is in the directory is set aside.',
    )
    .argument('<directory>', 'of the node that is lost or damaged')
    .argument('<others...>', 'the directories of all other nodes')
    .action((directory: string, others: string[]) => {
      const { nodeId, source, currentTerm, lastIndex, setAside } = rebuildDirectory(
        directory,
        others,
      );
      terminal.stdout.write(
        `${directory} is ${nodeId} again: entries up to ${lastIndex} from ${source}, ` +
          `term ${currentTerm}\n`,
      );
      if (setAside !== undefined) terminal.stdout.write(`what was there is in ${setAside}\n`);
      end(exitCode.ok);
    });
}

/** The directory itself if it is a node's, or else those in it that are. */
function nodesIn(directory: string): string[] {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw unusable(directory);
  }
  const isNode = (path: string): boolean => existsSync(join(path, 'identity.json'));
  if (isNode(directory)) return [directory];
  const nodes = readdirSync(directory)
    .map((name) => join(directory, name))
    .filter(isNode);
  return nodes.length > 0 ? nodes.sort() : [directory];
}

function inspect(directory: string, json: boolean, { stdout }: Terminal): void {
  const print = (line: LogLine): void =>
    stdout.write(`${json ? JSON.stringify(line) : text(line)}\n`);
  const summary = known(inspectLog(directory, print), directory);
  stdout.write(`${json ? JSON.stringify(summary) : sentence(summary)}\n`);
}

function text({ segment, offset, type, fields }: LogLine): string {
  const values = Object.entries(fields).map(([name, value]) => {
    return `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`;
  });
  return `${segment}:${String(offset).padEnd(9)} ${type.padEnd(10)} ${values.join(', ')}`;
}

function sentence({ directory, nodeId, hardState, bounds, segments, ...rest }: LogSummary): string {
  const { currentTerm, votedFor = 'nobody' } = hardState;
  const entries = `entries ${bounds.firstIndex} to ${bounds.lastIndex}`;
  const torn = rest.tornBytes === 0 ? '' : `, ${rest.tornBytes} bytes at the end were on their way`;
  return (
    `${directory}: ${nodeId ?? 'a node'}, term ${currentTerm}, vote for ${votedFor}, ${entries}, ` +
    `snapshot of ${bounds.snapshotIndex}, ${segments} segments${torn}`
  );
}

function known(summary: LogSummary | undefined, directory: string): LogSummary {
  if (summary !== undefined) return summary;
  throw unusable(directory);
}

function unusable(directory: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${directory} holds no log; expected a node's`, {
    details: { option: 'directory' },
  });
}
