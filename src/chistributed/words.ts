/** How the text of a command's arguments falls into words. */
import { PythonError } from './python.js';

const spaces = ' \t\r\n';

/**
 * Splits at white space. A word that begins with a quote runs to the next same quote and ends
 * there; a quote within a word is an ordinary character; nothing escapes. The quotes stay.
 *
 * Throws the tool's ValueError when a quoted word is never closed.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    const first = text.charAt(at);
    if (spaces.includes(first)) {
      at += 1;
      continue;
    }
    const end = first === '"' || first === "'" ? quotedEnd(text, at) : plainEnd(text, at);
    words.push(text.slice(at, end));
    at = end;
  }
  return words;
}

/** The text without its outer quotes, if it has a matching pair. */
export function withoutQuotes(word: string): string {
  const first = word[0];
  const isQuoted = word.length > 1 && (first === '"' || first === "'") && word.endsWith(first);
  return isQuoted ? word.slice(1, -1) : word;
}

function quotedEnd(text: string, start: number): number {
  const close = text.indexOf(text.charAt(start), start + 1);
  if (close === -1) throw new PythonError('ValueError', 'No closing quotation');
  return close + 1;
}

function plainEnd(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && !spaces.includes(text.charAt(end))) end += 1;
  return end;
}
