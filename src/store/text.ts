/**
 * Strings in shared memory: keys and values on their way in and out of a batch.
 *
 * The documented `buffer.write(text, at, 'utf8')` and `buffer.toString('latin1', …)` look the
 * encoding up on each call; the methods below them (present in every Node since 0.x, used by
 * msgpackr and undici) do not, and that is 10 ns of the 250 that a `set` may cost. All reliance on
 * them is in this file.
 */

interface RawBuffer {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
  latin1Write(text: string, at: number, byteLengthMax: number): number;
  utf8Write(text: string, at: number, byteLengthMax: number): number;
  ucs2Write(text: string, at: number, byteLengthMax: number): number;
}

/** Below this length a loop over the characters is faster than a call into the runtime. */
const loopCharsMax = 32;

const fromCharCode = String.fromCharCode;

/** Whether the UTF-8 of `text` is the text again: no surrogate stands alone. */
export function isWellFormed(text: string): boolean {
  // ES2024, in every Node that we support, not yet in the `lib` that we compile against.
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

/**
 * Writes `text` as UTF-8 and gives the offset after it, or -1 when it ends beyond `end`.
 *
 * The text is ASCII exactly when as many bytes as characters were written. A lone surrogate comes
 * out as U+FFFD: whoever cares asks `isWellFormed`.
 */
export function writeUtf8(text: string, target: Buffer, at: number, end: number): number {
  const length = text.length;
  if (length > end - at) return -1;
  if (length <= loopCharsMax) {
    let seen = 0;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      seen |= code;
      target[at + i] = code;
    }
    if (seen < 0x80) return at + length;
  }
  // utf8Write stops without a word where the room ends, and 3 bytes a character is the worst case.
  if (length * 3 > end - at && Buffer.byteLength(text) > end - at) return -1;
  return at + raw(target).utf8Write(text, at, end - at);
}

/** Writes `text` as UTF-16 and gives the offset after it, or -1 when it ends beyond `end`. */
export function writeUtf16(text: string, target: Buffer, at: number, end: number): number {
  if (text.length * 2 > end - at) return -1;
  return at + raw(target).ucs2Write(text, at, end - at);
}

/** Writes a string of one-byte characters, for which the caller has made room. */
export function writeLatin1(text: string, target: Buffer, at: number): number {
  return at + raw(target).latin1Write(text, at, text.length);
}

/** The bytes as one character each: the cheapest immutable copy that there is. */
export function readLatin1(bytes: Buffer, start: number, end: number): string {
  return raw(bytes).latin1Slice(start, end);
}

export function readUtf8(bytes: Buffer, start: number, end: number): string {
  return raw(bytes).utf8Slice(start, end);
}

export function readUtf16(bytes: Buffer, start: number, end: number): string {
  return raw(bytes).ucs2Slice(start, end);
}

/**
 * Reads a string that is known to be ASCII; `view` covers the memory of `bytes`.
 *
 * Keys are short and there is one in every command: up to 16 characters are made from two or four
 * words in 12 to 25 ns, where `latin1Slice` takes 40 to 60.
 */
export function readAscii(bytes: Buffer, view: DataView, start: number, end: number): string {
  const length = end - start;
  if (length > 16 || start + 16 > view.byteLength) return readLatin1(bytes, start, end);
  const a = view.getUint32(start, true);
  const b = view.getUint32(start + 4, true);
  if (length <= 8) {
    const text = eightChars(a, b);
    return length === 8 ? text : text.slice(0, length);
  }
  const c = view.getUint32(start + 8, true);
  const d = view.getUint32(start + 12, true);
  const text = sixteenChars(a, b, c, d);
  return length === 16 ? text : text.slice(0, length);
}

// biome-ignore format: a word a line
function eightChars(a: number, b: number): string {
  return fromCharCode(
    a & 0xff, (a >>> 8) & 0xff, (a >>> 16) & 0xff, a >>> 24,
    b & 0xff, (b >>> 8) & 0xff, (b >>> 16) & 0xff, b >>> 24,
  );
}

// biome-ignore format: a word a line
function sixteenChars(a: number, b: number, c: number, d: number): string {
  return fromCharCode(
    a & 0xff, (a >>> 8) & 0xff, (a >>> 16) & 0xff, a >>> 24,
    b & 0xff, (b >>> 8) & 0xff, (b >>> 16) & 0xff, b >>> 24,
    c & 0xff, (c >>> 8) & 0xff, (c >>> 16) & 0xff, c >>> 24,
    d & 0xff, (d >>> 8) & 0xff, (d >>> 16) & 0xff, d >>> 24,
  );
}

function raw(bytes: Buffer): RawBuffer {
  return bytes as unknown as RawBuffer;
}
