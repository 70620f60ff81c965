/** Tables: aligned for a terminal, and as Markdown. */

/** The first column is text, the others are figures, but for those that are named. */
export interface Table {
  /** Heads of further columns of text. Default: none. */
  readonly texts?: readonly string[];
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Lines without trailing blanks, columns two blanks apart, figures to the right. */
export function alignedLines({ head, rows, texts }: Table): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...all.map((row) => (row[at] ?? '').length)));
  return all.map((row) => {
    const cells = widths.map((width, at) => pad(row[at] ?? '', width, isText(head, at, texts)));
    return cells.join('  ').trimEnd();
  });
}

/** A table of GitHub's Markdown. */
export function markdownLines({ head, rows, texts }: Table): string[] {
  const rule = head.map((_, at) => (isText(head, at, texts) ? '---' : '---:'));
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`);
}

function isText(head: readonly string[], at: number, texts: readonly string[] = []): boolean {
  return at === 0 || texts.includes(head[at] ?? '');
}

function pad(cell: string, width: number, isLeft: boolean): string {
  return isLeft ? cell.padEnd(width) : cell.padStart(width);
}
