/**
 * One line of a script, up to the command and the text of its arguments.
 *
 * Outside quotes: `#` and an unclosed comment end the line, a closed comment vanishes, `;` ends
 * the command. A pipe or a redirection is refused: the tool would run a program or write a file.
 */

/** What a line turned out to be. An empty one, or one of comments only, is `undefined`. */
export type Line =
  | {
      readonly kind: 'command';
      readonly name: string;
      /** The rest after the name, without white space at either end, quotes untouched. */
      readonly argumentText: string;
    }
  | {
      readonly kind: 'refused';
      /** What stands there that balsa does not do. */
      readonly reason: string;
    };

/** Beginnings that the tool rewrites into a command before it reads on. The longest goes first. */
const shortcuts: readonly (readonly [beginning: string, name: string])[] = [
  ['@@', '_relative_load'],
  ['@', 'load'],
  ['!', 'shell'],
];

/** Reads one line, given without its line end. */
export function readLine(raw: string): Line | undefined {
  const bare = bareText(raw.trim());
  if (bare.refused !== undefined) return { kind: 'refused', reason: bare.refused };
  const text = bare.text.trim();
  if (text === '') return undefined;
  for (const [beginning, name] of shortcuts) {
    if (!text.startsWith(beginning)) continue;
    return { kind: 'command', name, argumentText: text.slice(beginning.length).trim() };
  }
  const nameEnd = text.search(/\s/);
  if (nameEnd === -1) return { kind: 'command', name: text, argumentText: '' };
  return {
    kind: 'command',
    name: text.slice(0, nameEnd),
    argumentText: text.slice(nameEnd).trim(),
  };
}

interface BareText {
  /** The line up to its end or `;`, comments taken out. */
  readonly text: string;
  readonly refused?: string;
}

function bareText(line: string): BareText {
  const special = /["'#;|>/]/g;
  let text = '';
  let keptTo = 0;
  for (let match = special.exec(line); match !== null; match = special.exec(line)) {
    const at = match.index;
    switch (match[0]) {
      case '"':
      case "'": {
        // A quote that is never closed is an ordinary character here: `-v it's # so`.
        const close = line.indexOf(match[0], at + 1);
        if (close !== -1) special.lastIndex = close + 1;
        break;
      }
      case '/': {
        if (line[at + 1] !== '*') break;
        text += line.slice(keptTo, at);
        const close = line.indexOf('*/', at + 2);
        if (close === -1) return { text };
        keptTo = close + 2;
        special.lastIndex = keptTo;
        break;
      }
      case '|':
        return { text: '', refused: 'pipes into a program (|)' };
      case '>':
        if (line[at - 1] !== '=') return { text: '', refused: 'redirection into a file (>)' };
        break;
      default:
        return { text: text + line.slice(keptTo, at) };
    }
  }
  return { text: text + line.slice(keptTo) };
}
