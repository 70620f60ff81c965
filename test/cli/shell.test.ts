/** The shell needs a terminal: `script` makes one. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import test from 'ava';
import { temporaryFolder } from '../chistributed/transcript.js';
import { pathOf } from './balsa.js';

/** A person at a terminal: types, and waits for what appears. */
class Person {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<number | null>;
  seen = '';
  #onSeen: () => void = () => {};

  constructor(args: string) {
    const command = `exec ${process.execPath} ${pathOf('main')} chi ${args}`;
    this.#process = spawn('script', ['-qfec', command, '/dev/null'], { timeout: 50_000 });
    this.ended = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('exit', (exitCode) => {
        resolve(exitCode);
        this.#onSeen();
      });
    });
    this.#process.stdout.on('data', (chunk: Buffer) => {
      this.seen += chunk.toString();
      this.#onSeen();
    });
  }

  type(keys: string): void {
    this.#process.stdin.write(keys);
  }

  /** Resolves when this has appeared behind what was awaited before. */
  async sees(text: string): Promise<void> {
    for (let at = -1; at === -1; ) {
      at = this.seen.indexOf(text);
      if (at !== -1) this.seen = this.seen.slice(at + text.length);
      else if (this.#process.exitCode !== null) throw new Error(`ended after ${this.seen}`);
      else await new Promise<void>((resolve) => (this.#onSeen = resolve));
    }
  }
}

const prompt = '> ';
const [tab, up, controlC, controlD] = ['\t', '\u001b[A', '\u0003', '\u0004'];

test.serial('a person is asked, helped to complete, and reminded of what was typed', async (t) => {
  const person = new Person('-c nodes="node-1 other"');

  await person.sees(prompt);
  person.type(`star${tab}`);
  await person.sees('start ');
  person.type(`-n no${tab}`);
  await person.sees('node-1 ');
  person.type('\r');
  await person.sees(prompt);
  person.type(`sho${tab}`);
  await person.sees('show_');
  person.type(tab);
  await person.sees('show_partitions');
  person.type('queue\r');
  await person.sees('No messages in message queue.');
  await person.sees(prompt);
  person.type(up);
  await person.sees('show_queue');
  person.type('\r');
  await person.sees('No messages in message queue.');
  await person.sees(prompt);
  person.type('quit\r');

  t.is(await person.ended, 0);
});

test.serial('an answer appears above what is being typed, in its colour (§5)', async (t) => {
  const person = new Person('-c nodes=a');
  await person.sees(prompt);
  person.type('start -n a\r');
  await person.sees(prompt);
  person.type('leader --wait\r');
  await person.sees('Leader: a');
  await person.sees(prompt);
  person.type('set -n a -k x -v 1\rget -n');

  await person.sees('\u001b[1m\u001b[32mSET id=1 OK: x = 1\u001b[0m\r\n');
  await person.sees('> get -n');
  person.type(' a -k x --wait\r');
  await person.sees('GET id=2 OK: x = 1');
  await person.sees(prompt);
  person.type(controlD);

  t.is(await person.ended, 0);
  t.regex(stripVTControlCharacters(person.seen), /^\s*$/);
});

test.serial('Ctrl-C ends the shell, and the nodes with it (§1)', async (t) => {
  const person = new Person('-c nodes=a');
  await person.sees(prompt);
  person.type('start -n a\r');
  await person.sees(prompt);
  person.type(`half a line${controlC}`);

  await person.sees('SIGINT received');
  t.is(await person.ended, 130);
});

test.serial(
  'a script that quits never asks; one that does not is followed by the shell',
  async (t) => {
    await using folder = await temporaryFolder();
    const quits = new Person(`--run ${await folder.write('quits.chi', 'show_queue\nquit\n')}`);
    const goesOn = new Person(`--run ${await folder.write('goes-on.chi', 'show_queue\n')}`);

    t.is(await quits.ended, 0);
    t.is(quits.seen, 'No messages in message queue.\r\n');
    await goesOn.sees('No messages in message queue.\r\n');
    await goesOn.sees(prompt);
    goesOn.type(controlD);
    t.is(await goesOn.ended, 0);
  },
);
