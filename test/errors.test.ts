import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import {
  type ErrorRecord,
  errorCodes,
  isRaftError,
  packError,
  RaftError,
  unpackError,
} from '../src/errors.js';

const root = new URL('../../', import.meta.url);

/** The sections of a code's documentation, each with its text. */
function documentedCodes(markdown: string): Map<string, string> {
  const [, ...sections] = markdown.split(/^## (?=RAFT_)/m);
  return new Map(
    sections.map((section) => {
      const [code = '', ...text] = section.split('\n');
      return [code.trim(), text.join('\n')];
    }),
  );
}

function sourceOf(folder: string): string {
  const texts: string[] = [];
  for (const entry of readdirSync(new URL(folder, root), { withFileTypes: true })) {
    if (entry.isDirectory()) texts.push(sourceOf(`${folder}${entry.name}/`));
    else if (`${folder}${entry.name}` !== 'src/errors.ts' && entry.name.endsWith('.ts')) {
      texts.push(readFileSync(new URL(folder + entry.name, root), 'utf8'));
    }
  }
  return texts.join('\n');
}

const documented = documentedCodes(readFileSync(new URL('docs/errors.md', root), 'utf8'));

test('every code is a heading of docs/errors.md, and every heading there is a code', (t) => {
  t.deepEqual([...documented.keys()].sort(), [...errorCodes].sort());
  t.is(new Set(errorCodes).size, errorCodes.length);
});

test('every code is documented with its meaning, the outcome, and what to do', (t) => {
  for (const [code, text] of documented) {
    for (const part of ['Meaning', 'Outcome', 'What to do']) {
      const [, sentence = ''] = text.split(`- **${part}.** `);
      t.true(sentence.trim().length > 0, `${code} lacks '- **${part}.** …'`);
    }
  }
});

test('every code is used somewhere in src', (t) => {
  const source = sourceOf('src/');
  const unused = errorCodes.filter((code) => !source.includes(`'${code}'`));

  t.deepEqual(unused, [], 'remove it from src/errors.ts and docs/errors.md');
});

test('every code that is named in src exists', (t) => {
  const named = new Set(sourceOf('src/').match(/\bRAFT_[A-Z_]+/g));
  const known: ReadonlySet<string> = new Set(errorCodes);

  t.deepEqual(
    [...named].filter((code) => !known.has(code)),
    [],
  );
});

test('an error keeps code, details, cause and stack across a thread', (t) => {
  const cause = new RaftError('RAFT_NO_QUORUM', 'n2 did not answer', { details: { nodeId: 'n2' } });
  const error = new RaftError('RAFT_TIMEOUT', 'no answer within 5 ms', {
    cause,
    details: { outcome: 'unknown', timeoutMs: 5 },
  });

  const received = RaftError.fromJSON(structuredClone(error.toJSON()));

  t.true(isRaftError(received, 'RAFT_TIMEOUT'));
  t.is(received.message, error.message);
  t.is(received.stack, error.stack);
  t.deepEqual(received.details, { outcome: 'unknown', timeoutMs: 5 });
  t.true(isRaftError(received.cause, 'RAFT_NO_QUORUM'));
  t.like(received.cause, { details: { nodeId: 'n2' }, stack: cause.stack });
});

test('JSON.stringify keeps code and details', (t) => {
  const error = new RaftError('RAFT_NOT_LEADER', 'n1 leads', { details: { leaderId: 'n1' } });

  t.like(JSON.parse(JSON.stringify({ error })), {
    error: { code: 'RAFT_NOT_LEADER', message: 'n1 leads', details: { leaderId: 'n1' } },
  });
});

test('a foreign error keeps its name and code across a thread', (t) => {
  const foreign = Object.assign(new TypeError('no memory'), { code: 'ERR_WORKER_OUT_OF_MEMORY' });

  const received = unpackError(structuredClone(packError(foreign)));

  t.like(received, { name: 'TypeError', message: 'no memory', code: 'ERR_WORKER_OUT_OF_MEMORY' });
  t.false(received instanceof RaftError);
  t.false(isRaftError(received));
  t.throws(() => RaftError.fromJSON(packError(foreign)), { code: 'RAFT_BROKEN_INVARIANT' });
});

test('what is no error at all can be packed too', (t) => {
  t.is(unpackError(packError('just text')).message, 'just text');
  t.is(unpackError(packError(undefined)).message, 'a thrown undefined: undefined');
  t.is(unpackError(packError(Symbol('s'))).message, 'a thrown symbol: Symbol(s)');
});

test('a cycle of causes is cut, not followed for ever', (t) => {
  const error = new Error('outer');
  error.cause = new Error('inner', { cause: error });

  let depth = 0;
  let record: ErrorRecord | undefined = packError(error);
  for (; record; record = record.cause) depth++;

  t.is(depth, 9);
});

test('a code is recognised without instanceof', (t) => {
  const copy = Object.assign(new Error('from another thread'), { code: 'RAFT_LOG_FULL' });

  t.true(isRaftError(copy));
  t.true(isRaftError(copy, 'RAFT_LOG_FULL'));
  t.false(isRaftError(copy, 'RAFT_TIMEOUT'));
  t.false(isRaftError({ code: 'RAFT_LOG_FULL' }));
  t.false(isRaftError(new Error('no code')));
});
