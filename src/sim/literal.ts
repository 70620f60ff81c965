/** Plain data as TypeScript, in the form that the formatter of this project gives it. */

const columnsMax = 100;

/** Objects, arrays, strings, finite numbers and booleans; what is undefined is left out. */
export function literal(value: unknown, indent = '', before = 26): string {
  const flat = flatText(value);
  const fits = indent.length + before + flat.length + 1 <= columnsMax;
  if (typeof value !== 'object' || value === null || (fits && !mustBreak(value))) return flat;
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  if (isList && value.every((one) => typeof one === 'number')) {
    return `[\n${filled(value, inner)}${indent}]`;
  }
  const parts = isList
    ? value.map((one) => `${inner}${literal(one, inner, 0)},\n`)
    : fieldsOf(value).map(([name, one]) => {
        const text = literal(one, inner, name.length + 2);
        const isTooLong = typeof one === 'string' && lengthOf(inner, name, text) > columnsMax;
        return `${inner}${name}:${isTooLong ? `\n${inner}  ` : ' '}${text},\n`;
      });
  const [open, close] = isList ? '[]' : '{}';
  return `${open}\n${parts.join('')}${indent}${close}`;
}

function lengthOf(...parts: readonly string[]): number {
  return parts.reduce((sum, { length }) => sum + length, ': ,'.length);
}

/** As many numbers a line as there is room for. */
function filled(numbers: readonly number[], indent: string): string {
  const lines: string[] = [];
  for (const number of numbers) {
    const longer = `${lines.at(-1) ?? indent} ${number},`;
    if (lines.length > 0 && longer.length <= columnsMax) lines[lines.length - 1] = longer;
    else lines.push(`${indent}${number},`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Lists of several things with several parts have a line for each. */
function mustBreak(value: object): boolean {
  if (!Array.isArray(value)) return fieldsOf(value).some(([, one]) => isLongList(one));
  return isLongList(value);
}

function isLongList(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 2) return false;
  return value.every((one) => typeof one === 'object' && one !== null && sizeOf(one) > 1);
}

function sizeOf(value: object): number {
  return Array.isArray(value) ? value.length : fieldsOf(value).length;
}

function flatText(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(flatText).join(', ')}]`;
  const fields = fieldsOf(value).map(([name, one]) => `${name}: ${flatText(one)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

function fieldsOf(value: object): (readonly [string, unknown])[] {
  return Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([name, one]) => [/^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name), one]);
}

function quoted(text: string): string {
  const inside = JSON.stringify(text).slice(1, -1).replace(/\\"/g, '"').replace(/'/g, "\\'");
  return `'${inside}'`;
}
